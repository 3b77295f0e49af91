"""Tasks that are preserved within a budget, and a model in which harm to one task is harm to another."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import mt_torchattacks as mta
from tests import toys

EPS = 8 / 255
BUDGET = 0.05


class Twins(toys.Toy):
    """The toy, and a head that sees nearly what the depth's sees: to harm one is to harm the other."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        outputs = super().forward(x)
        return outputs | {"twin": outputs["depth"] + 0.5 * outputs["normal"][:, :1]}


def twins(n: int = 4) -> tuple[Tensor, dict[str, Tensor]]:
    images, targets = toys.batch(n)
    return images, targets | {"twin": targets["depth"]}


def rises(model: Any, tasks: mta.Tasks, images: Tensor, x: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """Relative loss increases, ``(N,)`` each."""
    with torch.no_grad():
        before, after = tasks.losses(model(images), targets), tasks.losses(model(x), targets)
    return {name: (after[name] - before[name]) / before[name].abs() for name in before}


def settled() -> tuple[Any, Tensor, dict[str, Tensor], mta.Tasks]:
    """A preserved task whose head is nearly right: any noise raises its loss, by far more than the budget of 5 %."""
    model, (images, targets) = Twins(), twins()
    with torch.no_grad():
        targets = targets | {"twin": model(images)["twin"] + 0.001}
    tasks = mta.Tasks(depth=mta.losses.L1(), twin=mta.Task(mta.losses.L1(), role="preserve", budget=BUDGET))
    noise = EPS * (2 * torch.rand_like(images) - 1)
    assert bool((rises(model, tasks, images, (images + noise).clamp(0, 1), targets)["twin"] > 8 * BUDGET).all())
    return model, images, targets, tasks
