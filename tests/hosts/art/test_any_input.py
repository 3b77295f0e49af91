"""Inputs that are no images through ART: its own attacks, the plugin's, and those of mt_torchattacks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from art.attacks import evasion

import mt_torchattacks as mta
from art_plugins import (
    AutoProjectedGradientDescent,
    FastGradientMethod,
    FromTorchattacks,
    ProjectedGradientDescent,
    PyTorchMultiTaskEstimator,
)

SHAPES = [(9,), (2, 16), (2, 4, 5, 6)]
TASKS = mta.Tasks(kind=mta.losses.CrossEntropy(), size=mta.losses.L1())


class TwoHeads(torch.nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.kind, self.size = torch.nn.Linear(inputs, 3), torch.nn.Linear(inputs, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        flat = x.flatten(1)
        return {"kind": self.kind(flat), "size": self.size(flat)[:, 0]}


def case(shape: tuple[int, ...]) -> tuple[PyTorchMultiTaskEstimator, Any, dict[str, Any]]:
    torch.manual_seed(0)
    model = TwoHeads(math.prod(shape))
    estimator = PyTorchMultiTaskEstimator(model, TASKS, shape, clip_values=(0.0, 1.0), device_type="cpu")
    x = np.random.default_rng(0).random((4, *shape), dtype=np.float32)
    return estimator, x, {"kind": np.array([0, 1, 2, 0]), "size": np.ones(4, dtype=np.float32)}


def losses(estimator: PyTorchMultiTaskEstimator, x: Any, y: dict[str, Any]) -> float:
    return float(sum(loss.mean() for loss in estimator.compute_losses(x, y).values()))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "make",
    [
        lambda e: FastGradientMethod(e, eps=0.1),
        lambda e: ProjectedGradientDescent(e, eps=0.1, eps_step=0.03, max_iter=3, verbose=False),
        lambda e: AutoProjectedGradientDescent(e, eps=0.1, max_iter=3, verbose=False),
        lambda e: FromTorchattacks(e, "PGD", eps=0.1, steps=3),
        lambda e: evasion.ProjectedGradientDescent(e, eps=0.1, eps_step=0.03, max_iter=3, verbose=False),
    ],
)
def test_attacks_raise_the_losses_within_the_ball(shape: tuple[int, ...], make: Any) -> None:
    estimator, x, y = case(shape)
    attack = make(estimator)
    given = estimator.labels(x, y) if isinstance(attack, evasion.ProjectedGradientDescent) else y
    found = attack.generate(x, given)
    assert found.shape == x.shape
    assert np.abs(found - x).max() <= 0.1 + 1e-6
    assert losses(estimator, found, y) > losses(estimator, x, y) + 0.01


@pytest.mark.parametrize("shape", SHAPES)
def test_one_step_is_the_one_of_mt_torchattacks(shape: tuple[int, ...]) -> None:
    estimator, x, y = case(shape)
    found = FastGradientMethod(estimator, eps=0.1).generate(x, y)
    targets = {task: torch.tensor(target) for task, target in y.items()}
    expected = mta.FGSM(estimator.model, TASKS, eps=0.1)(torch.tensor(x), targets)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)


def test_other_shapes_and_channels_last_are_refused() -> None:
    estimator, x, y = case((2, 16))
    with pytest.raises(ValueError, match=r"x: expected shape \(N, 2, 16\), found shape \(4, 2, 15\)"):
        estimator.loss_gradient(x[:, :, :15], y)
    with pytest.raises(ValueError, match="channels_first: expected True, since the inputs are no images, found False"):
        PyTorchMultiTaskEstimator(TwoHeads(32), TASKS, (2, 16), clip_values=(0.0, 1.0), channels_first=False)
