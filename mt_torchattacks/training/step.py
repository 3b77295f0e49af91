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
    """

    model: nn.Module
    tasks: Tasks
    optimizer: torch.optim.Optimizer
    weighting: Weighting = field(default_factory=Equal)
    attack: Attack | None = None
    ratio: float = 1.0
    schedule: Any = None
    backward: Backward = Tensor.backward

    def __post_init__(self) -> None:
        checks.require(0 < self.ratio <= 1, "ratio", "a number in (0, 1]", self.ratio)
        self._parameters = [value for group in self.optimizer.param_groups for value in group["params"]]

    def __call__(self, images: Images, targets: Targets) -> Tensor:
        """Do it; the batch's mean loss of each task before the step, ``(T,)``, detached."""
        images = self._attacked(images, targets)
        losses = self.tasks.losses(self.model(images, **other_inputs(self.model, targets)), targets)
        means = torch.stack([loss.mean() for loss in losses.values()])
        self.optimizer.zero_grad()
        self.weighting.backward(means, self._parameters, self.backward)
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        return means.detach()

    def epoch(self, batches: Iterable[tuple[Images, Targets]]) -> Tensor:
        """A step on each batch; the mean over the steps of each task's loss, ``(T,)``, float64.

        Raises:
            ValueError: there is no batch.
        """
        seen = [self(images, targets) for images, targets in batches]
        checks.require(bool(seen), "epoch", "at least one batch", "none")
        return torch.stack(seen).cpu().double().mean(dim=0)

    def _attacked(self, images: Images, targets: Targets) -> Images:
        if self.attack is None:
            return images
        if self.ratio == 1:
            return self.attack(images, targets)
        chosen = torch.randperm(len(images), device=images.device)[: math.ceil(self.ratio * len(images))]
        mixed = images.clone()
        mixed[chosen] = self.attack(images[chosen], {name: target[chosen] for name, target in targets.items()})
        return mixed
