"""SEA's losses of segmentation against their definitions, in float64 and one label at a time."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta

GENERATOR = torch.Generator().manual_seed(0)
SCORES = 3 * torch.randn(4, 5, 6, 6, generator=GENERATOR).double()
LABELS = torch.randint(0, 5, (4, 6, 6), generator=GENERATOR)
LABELS[:, 0] = 255


def jensen_shannon(scores: Tensor, label: int) -> float:
    """By the definition, with distributions and their mixture."""
    p, y = scores.softmax(dim=0), torch.zeros(len(scores)).double()
    y[label] = 1
    m = (p + y) / 2
    return float((torch.special.xlogy(p, p / m) + torch.special.xlogy(y, y / m)).sum() / 2)


def test_jensen_shannon_is_the_divergence() -> None:
    found = mta.losses.JensenShannon(ignore_index=255)(SCORES, LABELS)
    for n in range(4):
        pixels = [(i, j) for i in range(6) for j in range(6) if int(LABELS[n, i, j]) != 255]
        values = [jensen_shannon(SCORES[n, :, i, j], int(LABELS[n, i, j])) for i, j in pixels]
        assert float(found[n]) == pytest.approx(sum(values) / len(values), rel=1e-12)


def test_jensen_shannon_of_sure_scores_in_float32() -> None:
    """Its value, its logarithm and the gradient of that, for odds of e^-120 to e^120."""
    loss = mta.losses.JensenShannon()
    for odds in (-120.0, -30.0, -13.0, -11.0, -3.0, 0.0, 5.0, 120.0):
        scores = torch.tensor([[0.0, odds]], requires_grad=True)
        exact = torch.tensor([0.0, odds]).double()
        expected = jensen_shannon(exact, 0)
        value, logarithm = loss(scores, torch.tensor([0])), loss.log(scores, torch.tensor([0]))
        if odds >= -11:
            assert float(value.detach()) == pytest.approx(expected, rel=1e-4)
            assert float(logarithm.detach()) == pytest.approx(math.log(expected), abs=1e-4)
        else:  # q log(2) / 2 for the small probability q = exp(odds)
            assert float(logarithm.detach()) == pytest.approx(odds + math.log(math.log(2) / 2), abs=1e-4)
        [gradient] = torch.autograd.grad(logarithm.sum(), scores)
        assert bool(gradient.isfinite().all())
        assert float(gradient[0, 1]) == pytest.approx(1.0, abs=0.01) if odds < -11 else float(gradient[0, 1]) >= 0
    assert float(loss(torch.tensor([[0.0, 120.0]]), torch.tensor([0]))) == pytest.approx(math.log(2))


def test_gradients_of_jensen_shannon() -> None:
    scores, labels = SCORES[:1, :, :2, :2].clone().requires_grad_(), LABELS[:1, 1:3, :2]
    assert torch.autograd.gradcheck(lambda x: mta.losses.JensenShannon()(x, labels), (scores,))


@pytest.mark.parametrize("name", ["JensenShannon", "MaskedCrossEntropy", "SegPGD", "Tsallis"])
def test_half_types_and_attacks(name: str) -> None:
    loss = getattr(mta.losses, name)(ignore_index=255)
    half = loss(SCORES.bfloat16(), LABELS)
    assert half.dtype == torch.float32
    assert torch.allclose(half.double(), loss(SCORES, LABELS), atol=0.05)
    model = torch.nn.Conv2d(3, 5, 3, padding=1)
    images = torch.rand(2, 3, 6, 6, generator=GENERATOR)
    attack = mta.PGD(model, mta.Tasks(segmentation=loss), balance="total", eps=0.2, alpha=0.04, steps=20)
    targets = {"segmentation": model(images).argmax(dim=1)}
    right = model(attack(images, targets)).argmax(dim=1) == targets["segmentation"]
    assert float(right.float().mean()) < 0.8
