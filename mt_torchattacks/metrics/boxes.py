"""Metrics of boxes: intersection over union and the error of the corners."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.dense import has_area, intersection_over_union
from mt_torchattacks.metrics.base import TaskMetrics


def box_statistics(output: Tensor, target: Tensor) -> Tensor:
    """Sums over the boxes of the target: intersection over union, absolute error of an edge, boxes.

    Args:
        output: edges ``(N, 4)`` or ``(N, M, 4)``.
        target: of the same shape; a box without an area, or with NaN, is not there.

    Returns:
        float64 ``(3,)``.

    Raises:
        ValueError: the shapes do not fit, or an output is NaN or infinite.

    Example:
        >>> box_statistics(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 4.0]]))
        tensor([0.5000, 0.5000, 1.0000], dtype=torch.float64)
    """
    checks.require(output.shape[-1:] == (4,), "output", "shape (N, 4) or (N, M, 4)", checks.describe(output))
    checks.require(target.shape == output.shape, "target", f"shape {tuple(output.shape)}", checks.describe(target))
    there = has_area(target).squeeze(-1)
    predicted, true = output[there].double(), target[there].double()
    checks.finite(predicted, "output")
    overlap, error = intersection_over_union(predicted, true), (predicted - true).abs().mean(dim=-1)
    return torch.stack([overlap, error, torch.ones_like(error)]).sum(dim=1)


def box_scores(statistics: Tensor) -> dict[str, Tensor]:
    """Mean intersection over union, and mean absolute error of an edge in pixels.

    Example:
        >>> {name: float(score) for name, score in box_scores(torch.tensor([1.0, 6.0, 2.0])).items()}
        {'iou': 0.5, 'l1': 3.0}
    """
    return {"iou": statistics[0] / statistics[2], "l1": statistics[1] / statistics[2]}


class BoxMetrics(TaskMetrics):
    """Mean intersection over union, and mean absolute error of an edge in pixels.

    Outputs and targets are edges ``(N, 4)`` or ``(N, M, 4)``: left, top, right, bottom. A target without an area is not
    there.

    Example:
        >>> metrics = BoxMetrics()
        >>> metrics.update(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 4.0]]))
        >>> {name: float(value) for name, value in metrics.compute().items()}
        {'iou': 0.5, 'l1': 0.5}
    """

    directions: ClassVar = {"iou": True, "l1": False}

    def __init__(self) -> None:
        super().__init__(torch.zeros(3, dtype=torch.float64))

    def statistics(self, output: Tensor, target: Tensor) -> Tensor:
        return box_statistics(output, target)

    def scores(self, total: Tensor) -> dict[str, Tensor]:
        return box_scores(total)
