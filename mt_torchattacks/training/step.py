"""The one training step: attack the images if asked, forward, the tasks' losses, backward, step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.models.inputs import other_inputs
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.training.scheme import Scheme, scaled
from mt_torchattacks.training.weighting import Backward, Equal, Weighting
from mt_torchattacks.types import Images, Targets

Attack: TypeAlias = Callable[[Tensor, Targets], Tensor]
"""Images and targets to adversarial images, for example ``mta.PGD(model, tasks, balance="dgba")``."""


@dataclass
class TrainingStep:
    """One step of the optimizer on a batch.

    Args:
        model: maps images to outputs by task.
        tasks: the tasks; ignored ones are not trained.
        optimizer: holds what is trained.
        weighting: how the tasks' mean losses become gradients.
        attack: what the images are replaced with; None for clean images.
        ratio: share in (0, 1] of each batch's images, drawn at random, that are attacked.
        schedule: a learning-rate schedule, stepped after each step; None for none.
        backward: fills the gradients of one number.
        scheme: how the attack is used.
        steps: of the whole training, over which the scheme's ramp goes.
        number: of the next step, from 0.
    """

    model: nn.Module
    tasks: Tasks
    optimizer: torch.optim.Optimizer
    weighting: Weighting = field(default_factory=Equal)
    attack: Attack | None = None
    ratio: float = 1.0
    schedule: Any = None
    backward: Backward = Tensor.backward
    scheme: Scheme = field(default_factory=Scheme)
    steps: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        checks.require(0 < self.ratio <= 1, "ratio", "a number in (0, 1]", self.ratio)
        self._parameters = [value for group in self.optimizer.param_groups for value in group["params"]]

    def __call__(self, images: Images, targets: Targets) -> Tensor:
        """Do it; the batch's mean loss of each task before the step, ``(T,)``, detached."""
        factor = self.scheme.factor(self.number, self.steps)
        self.number += 1
        if self.scheme.replays > 1:
            return self._replayed(images, targets, factor)
        chosen = self._chosen(images)
        with scaled(self.attack, factor):
            attacked = self._attacked(images, targets, chosen)
        return self._updated(self._means(attacked, targets, chosen))

    def _updated(self, means: Tensor) -> Tensor:
        """A step of the optimizer for these losses ``(T,)``; they come back detached."""
        self.optimizer.zero_grad()
        self.weighting.backward(means, self._parameters, self.backward)
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        return means.detach()

    def _means(self, images: Images, targets: Targets, chosen: Tensor | None = None) -> Tensor:
        """Each task's mean loss ``(T,)``, in one pass, or of clean and attacked images in a pass each."""
        if chosen is None or self.scheme.statistics == "together":
            losses = self.tasks.losses(self.model(images, **other_inputs(self.model, targets)), targets)
            return torch.stack([loss.mean() for loss in losses.values()])
        rest = torch.ones(len(images), dtype=torch.bool, device=images.device)
        rest[chosen] = False
        parts = [part for part in (chosen, rest.nonzero()[:, 0]) if len(part)]
        means = [self._means(images[part], _part(targets, part)) * (len(part) / len(images)) for part in parts]
        return torch.stack(means).sum(dim=0)

    def _replayed(self, images: Images, targets: Targets, factor: float) -> Tensor:
        """Steps on one batch, whose images each step's own gradient moves; the mean over the steps."""
        eps, moved, seen = self.attack.eps * factor, torch.zeros_like(images), []  # type: ignore[union-attr]
        for _ in range(self.scheme.replays):
            x = (images + moved).clamp(0, 1).detach().requires_grad_()
            seen.append(self._updated(self._means(x, targets)))
            assert x.grad is not None
            moved = (moved + eps * x.grad.sign()).clamp(-eps, eps)
        return torch.stack(seen).mean(dim=0)

    def epoch(self, batches: Iterable[tuple[Images, Targets]]) -> Tensor:
        """A step on each batch; the mean over the steps of each task's loss, ``(T,)``, float64.

        Raises:
            ValueError: there is no batch.
        """
        seen = [self(images, targets) for images, targets in batches]
        checks.require(bool(seen), "epoch", "at least one batch", "none")
        return torch.stack(seen).cpu().double().mean(dim=0)

    def _chosen(self, images: Images) -> Tensor | None:
        """The places of the images that are attacked, drawn at random; None for all, or none."""
        if self.attack is None or self.ratio == 1:
            return None
        return torch.randperm(len(images), device=images.device)[: math.ceil(self.ratio * len(images))]

    def _attacked(self, images: Images, targets: Targets, chosen: Tensor | None) -> Images:
        if self.attack is None:
            return images
        if chosen is None:
            return self.attack(images, targets)
        mixed = images.clone()
        mixed[chosen] = self.attack(images[chosen], _part(targets, chosen))
        return mixed


def _part(targets: Targets, places: Tensor) -> dict[str, Tensor]:
    return {name: target[places] for name, target in targets.items()}
