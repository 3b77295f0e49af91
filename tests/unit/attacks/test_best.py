"""The best of several images, sample by sample, against a loop."""

from __future__ import annotations

import pytest
import torch

from mt_torchattacks.attacks.best import BestOf


@pytest.mark.parametrize("shape", [(3, 4, 4), (5,)])
def test_each_sample_has_the_images_gradient_and_name_of_its_highest_score(shape: tuple[int, ...]) -> None:
    g = torch.Generator().manual_seed(0)
    images, gradients = (torch.randn(6, 7, *shape, generator=g) for _ in range(2))
    scores = torch.randint(-3, 3, (6, 7), generator=g).float()  # with equals
    scores[2, :3] = torch.nan
    best = BestOf(images[0], scores[0], gradients[0], name="0")
    for i in range(1, 6):
        best.add(images[i], scores[i], gradients[i], name=str(i))
    for sample in range(7):
        column = scores[:, sample].nan_to_num(-torch.inf).tolist()
        winner = column.index(max(column))  # the first of equals
        assert best.winners[sample] == str(winner)
        assert best.scores[sample] == scores[winner, sample]
        assert torch.equal(best.images[sample], images[winner, sample])
        assert best.gradient is not None
        assert torch.equal(best.gradient[sample], gradients[winner, sample])
    assert list(best.scores_of) == list("012345")
    assert torch.equal(best.scores_of["3"], scores[3])


def test_some_samples_alone_and_nothing_in_place() -> None:
    images, scores = torch.zeros(4, 2), torch.zeros(4)
    best = BestOf(images, scores)
    best.add(torch.ones(2, 2), torch.tensor([-1.0, 1.0]), at=torch.tensor([3, 1]))
    assert best.images[:, 0].tolist() == best.scores.tolist() == [0, 1, 0, 0]
    assert images.sum() == scores.sum() == 0
    assert best.winners == [] and best.scores_of == {}
