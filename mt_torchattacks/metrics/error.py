"""The metric of any task: the mean of its loss."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.metrics.base import TaskMetrics
from mt_torchattacks.types import LossFunction


class TaskError(TaskMetrics):
    """Mean over the samples of a per-sample loss: the metric of any task that has no other.

    A sample whose target has no valid element (see :class:`~mt_torchattacks.tasks.losses.base.Loss`) has no error and
    is left out of the mean.

    Args:
        loss: ``(output, target) -> (N,)``.

    Example:
        >>> metrics = TaskError(lambda output, target: (output - target).abs().mean(dim=1))
        >>> metrics.update(torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1))
        >>> float(metrics.compute()["error"])
        2.0
    """

    directions: ClassVar = {"error": False}

    def __init__(self, loss: LossFunction) -> None:
        super().__init__(torch.zeros(2, dtype=torch.float64))
        self.loss = loss

    def statistics(self, output: Tensor, target: Tensor) -> Tensor:
        losses = self.loss(output, target)
        checks.require(losses.shape == (len(target),), "loss", f"shape ({len(target)},)", checks.describe(losses))
        masked = getattr(self.loss, "mask", None)
        mask = None if masked is None else masked(target)
        counted = torch.ones_like(losses) if mask is None else mask.reshape(len(mask), -1).any(dim=1)
        return torch.stack([losses.detach().double().sum(), counted.double().sum()])

    def scores(self, total: Tensor) -> dict[str, Tensor]:
        return {"error": total[0] / total[1]}
