"""The sign of the direction against brute force: every corner of the ball around tiny images, 4096 of them."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from tests.attack_cases import value
from tests.toys import Linear

GENERATOR = torch.Generator().manual_seed(0)
SHAPE = (3, 2, 2)
CORNERS = torch.tensor(list(product((-1.0, 1.0), repeat=12)), dtype=torch.float64).view(-1, *SHAPE)
IMAGE = 0.4 + 0.2 * torch.rand(1, *SHAPE, generator=GENERATOR, dtype=torch.float64)
TARGETS = {name: torch.zeros(1, dtype=torch.float64) for name in "abc"}
TASKS = mta.Tasks(a=value, b=value, c=value)


class Curved(nn.Module):
    """Three smooth outputs above zero of very different size."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 3)).double()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        found = (3 * self.layers(x)).exp()
        return {"a": found[:, 0], "b": 100 * found[:, 1], "c": found[:, 2] + 1}


def rises(model: nn.Module, eps: float) -> Tensor:
    """The sum of the tasks' relative increases at each corner, ``(4096,)``."""
    with torch.no_grad():
        clean, moved = model(IMAGE), model(IMAGE + eps * CORNERS)
    return torch.stack([moved[name] / clean[name] - 1 for name in "abc"]).sum(dim=0)


def score(model: nn.Module, attacked: Tensor) -> float:
    with torch.no_grad():
        clean, moved = model(IMAGE), model(attacked)
    return sum(float(moved[name] / clean[name] - 1) for name in "abc")


@pytest.mark.parametrize("rule", ["dgba", "relative"])
def test_of_a_linear_model_no_corner_is_better(rule: str) -> None:
    """'Attacking All Tasks at Once', eq. 8: for the infinity norm the sign of the direction is the solution."""
    weights = {
        name: 10.0**i * torch.rand(SHAPE, generator=GENERATOR, dtype=torch.float64) for i, name in enumerate("abc")
    }
    weights = {name: weight - 0.3 * weight.max() for name, weight in weights.items()}
    model = Linear(weights).double()
    with torch.no_grad():
        assert all(float(output) > 0 for output in model(IMAGE).values())
    attacked = mta.FGSM(model, TASKS, rule, eps=0.05)(IMAGE, TARGETS)
    assert score(model, attacked) == pytest.approx(float(rises(model, 0.05).max()), rel=1e-9)
    total = mta.FGSM(model, TASKS, "total", eps=0.05)(IMAGE, TARGETS)
    assert score(model, total) < score(model, attacked)  # the largest task is not all of the sum


def test_of_a_smooth_model_no_corner_is_better_at_a_small_radius() -> None:
    """At a large one the second-order term decides: one step misses the best corner, more steps do not."""
    model = Curved()
    wide: dict[str, Any] = {"bounds": (-9.0, 9.0)}
    for eps in (1e-3, 1e-2, 1e-1):
        best = float(rises(model, eps).max())
        assert score(model, mta.FGSM(model, TASKS, eps=eps, **wide)(IMAGE, TARGETS)) == pytest.approx(best, rel=1e-9)
    best = float(rises(model, 0.8).max())
    assert score(model, mta.FGSM(model, TASKS, eps=0.8, **wide)(IMAGE, TARGETS)) < 0.95 * best
    assert score(model, mta.APGD(model, TASKS, eps=0.8, steps=100, **wide)(IMAGE, TARGETS)) >= best
