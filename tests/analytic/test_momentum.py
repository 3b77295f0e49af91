"""MIFGSM is MIM with every rule: against the equations of the paper, one sample at a time in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from tests import toys
from tests.references import REFERENCE, reference

EPS, ALPHA, STEPS, DECAY = 0.5, 0.2, 5, 0.7  # far enough for gradients to turn


def mim(balance: str, images: Tensor, targets: dict[str, Tensor]) -> Tensor:
    """Dong et al., 'Boosting Adversarial Attacks with Momentum', equations 6 and 7."""
    x, momentum = images.clone(), torch.zeros_like(images)
    for _ in range(STEPS):
        gradient, _ = reference(REFERENCE[balance], x, images, targets)
        momentum = DECAY * momentum + gradient / gradient.abs().flatten(1).sum(1).reshape(-1, 1, 1, 1)
        x = (x + ALPHA * momentum.sign()).clamp(images - EPS, images + EPS).clamp(0, 1)
    return x


@pytest.mark.parametrize("balance", REFERENCE)
def test_mifgsm(balance: str) -> None:
    images, targets = toys.batch(2)
    images = images.double()
    expected = mim(balance, images, targets)
    attack = mta.MIFGSM(toys.Toy().double(), toys.tasks(), balance, eps=EPS, alpha=ALPHA, steps=STEPS, decay=DECAY)
    assert ((attack(images, targets) - expected).abs() > 1e-9).double().mean() < 2e-4
    without = mta.BIM(toys.Toy().double(), toys.tasks(), balance, eps=EPS, alpha=ALPHA, steps=STEPS)(images, targets)
    assert ((without - expected).abs() > 1e-9).double().mean() > 0.01  # the momentum matters here
