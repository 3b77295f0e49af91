"""Losses that a model computes itself, image by image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta

TRUTHS = [
    {"class_labels": torch.tensor([1, 0]), "boxes": torch.tensor([[0.1, 0.2], [0.3, 0.4]])},
    {"class_labels": torch.tensor([2]), "boxes": torch.tensor([[0.5, 0.6]])},
]


class Batchwise(nn.Module):
    """Losses that depend on all of the batch, as those of detectors do."""

    def forward(self, images: Tensor, labels: list[dict[str, Tensor]]) -> Any:
        mean = images.mean()
        place = torch.stack([((truth["boxes"] - mean) ** 2).sum() for truth in labels]).mean()
        kind = sum(truth["class_labels"].sum() for truth in labels) * mean

        class Output:
            loss_dict: Mapping[str, Tensor] = {"place": place, "kind": kind, "count": torch.tensor(1.0)}

        return Output()


def test_each_images_losses_are_its_own() -> None:
    model, images = mta.models.OwnLosses(Batchwise(), ["place", "kind"]), torch.rand(2, 3, 4, 4)
    targets = model.targets(TRUTHS)
    assert targets["class_labels"].tolist() == [[1, 0], [2, -1]]
    assert targets["boxes"].shape == (2, 2, 2)
    assert set(targets) == {"class_labels", "boxes", "place", "kind"}
    found = model(images, class_labels=targets["class_labels"], boxes=targets["boxes"])
    assert set(found) == {"place", "kind"}
    for i, truth in enumerate(TRUTHS):
        expected = Batchwise()(images[i : i + 1], [truth]).loss_dict
        assert all(torch.equal(found[name][i], expected[name]) for name in found)


@pytest.mark.parametrize("name", ["PGD", "APGD", "Square"])
def test_attacks_raise_them(name: str) -> None:
    model, images = mta.models.OwnLosses(Batchwise(), ["place", "kind"]), 0.4 + 0.2 * torch.rand(2, 3, 4, 4)
    targets = model.targets(TRUTHS)
    truths = {key: targets[key] for key in model.other_inputs}
    adversarial = getattr(mta, name)(model, model.tasks(), "total", eps=0.1)(images, targets)
    before, after = (sum(model(x, **truths).values()) for x in (images, adversarial))
    assert bool((after > before).all())


def test_what_is_missing_is_named() -> None:
    with pytest.raises(KeyError, match=r"truths\[0\].*boxes"):
        mta.models.OwnLosses(Batchwise(), ["place"]).targets([{"class_labels": torch.tensor([1])}])
    model = mta.models.OwnLosses(Batchwise(), ["place", "nothing"])
    with pytest.raises(KeyError, match="losses that the model returns: .*'nothing'"):
        model(torch.rand(1, 3, 4, 4), **{key: model.targets(TRUTHS)[key][:1] for key in model.other_inputs})
    with pytest.raises(ValueError, match="losses: expected at least one name"):
        mta.models.OwnLosses(Batchwise(), [])
