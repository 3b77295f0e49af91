"""What the checks of an audit look at: a model on a batch, and what simple attacks do to each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from mt_torchattacks.attacks.create import create
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.objective import BoundObjective, Objective
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Targets

FEW = 0.1
"""Share of the samples that may be without a gradient; a dead unit here and there is no fault of a model."""

UNBOUNDED = 1.0
"""A radius with which any image can become any other."""


@dataclass(frozen=True, eq=False)
class Case:
    """A model in evaluation mode on a batch of images.

    Args:
        model: the model.
        tasks: its tasks; those that are attacked are looked at.
        images: ``(N, ...)`` in [0, 1], on the model's device.
        targets: by task.
        eps: radius.
        balance: the rule whose direction is looked at.
        steps: of APGD.
        queries: of Square.
        seed: of attacks and noise.
    """

    model: nn.Module
    tasks: Tasks
    images: Tensor
    targets: Targets
    eps: float
    balance: str
    steps: int
    queries: int
    seed: int
    _known: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)

    @torch.no_grad()
    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """Outputs by task."""
        return dict(self.tasks.by_task(self.model(x)))

    @torch.no_grad()
    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Losses ``(N,)`` by task."""
        return self.tasks.losses(self.model(x), self.targets)

    def noisy(self, scale: float = 1.0, draw: int = 0) -> Tensor:
        """The images under random signs of the size ``scale * eps``, others for each draw."""
        generator = torch.Generator().manual_seed(self.seed + draw)
        signs = torch.randint(0, 2, self.images.shape, generator=generator).to(self.images) * 2 - 1
        return (self.images + scale * self.eps * signs).clamp(0, 1)

    def bound(self, task: str) -> BoundObjective:
        """The objective of one task alone: through its loss's logarithm, where it has one."""
        objective = Objective(self.model, self.tasks.only([task]), "dgba")
        ball = Ball(self.images, self.eps, float("inf"), (0.0, 1.0))
        return objective.bind(self.images, self.targets, ball=ball, strict=False)

    def gradient(self, task: str) -> Tensor | None:
        """The direction of one task at its start; None where no gradient reaches the images."""
        found: Tensor | None = self._once(("gradient", task), lambda: self._gradient(task))
        return found

    def _gradient(self, task: str) -> Tensor | None:
        x = self.images.clone().requires_grad_()
        try:
            [found] = torch.autograd.grad(self.bound(task)(x).sum(), x)
        except (ValueError, RuntimeError):
            return None
        return found

    def attacked(self, attack: str, task: str, eps: float) -> Tensor:
        """The losses ``(N,)`` of a task after an attack on it alone; the clean ones if it cannot be attacked."""
        found: Tensor = self._once((attack, task, eps), lambda: self._attacked(attack, task, eps))
        return found

    def _attacked(self, attack: str, task: str, eps: float) -> Tensor:
        own: Mapping[str, dict[str, Any]] = {
            "fgsm": {},
            "apgd": {"steps": self.steps, "seed": self.seed},
            "square": {"n_queries": self.queries, "seed": self.seed},
        }
        try:
            made = create(attack, self.model, self.tasks, f"single:{task}", eps=eps, **own[attack])
            return self.losses(made(self.images, self.targets))[task]
        except (ValueError, RuntimeError):
            return self.losses(self.images)[task]

    def _once(self, key: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]

    def rise(self, attack: str, task: str, eps: float | None = None) -> float:
        """Mean increase of a task's loss by an attack on it alone, over the mean clean loss."""
        clean = self.losses(self.images)[task].mean()
        risen = self.attacked(attack, task, self.eps if eps is None else eps).mean() - clean
        return float(risen / clean.abs().clamp_min(1e-3))
