"""Metrics of surface normals: mean and median angle and the shares within three angles."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.dense import nonzero
from mt_torchattacks.metrics.base import DenseMetrics

BINS_PER_DEGREE = 100
"""Resolution of the angle histogram, from which the median is read to half a bin (0.005 degrees)."""

_WITHIN = (11.25, 22.5, 30.0)


def angles(output: Tensor, target: Tensor) -> Tensor:
    """Angles in degrees between predicted and true vectors, at the pixels whose target is neither zero nor NaN.

    A prediction of length 0 has no direction and counts as 90 degrees.

    Args:
        output: vectors of any length along dimension 1, ``(N, 3, ...)``.
        target: vectors ``(N, 3, ...)``; all-zero or NaN where invalid.

    Returns:
        float64 ``(M,)`` in [0, 180], one for each of the M valid pixels.

    Raises:
        ValueError: the shapes do not fit, or a vector where the target is valid is NaN or infinite.

    Example:
        >>> angles(torch.tensor([[0.0, 2.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]]))
        tensor([90.], dtype=torch.float64)
    """
    checks.require(output.ndim >= 2 and output.shape[1] == 3, "output", "shape (N, 3, ...)", checks.describe(output))
    checks.require(target.shape == output.shape, "target", f"shape {tuple(output.shape)}", checks.describe(target))
    valid = nonzero(target).squeeze(1)
    predicted, true = (vectors.movedim(1, -1)[valid].double() for vectors in (output, target))
    checks.finite(predicted, "output")
    checks.finite(true, "target")
    sine, cosine = torch.linalg.cross(predicted, true).norm(dim=-1), (predicted * true).sum(dim=-1)
    angle = torch.rad2deg(torch.atan2(sine, cosine))  # exact near 0, where the arc cosine is not
    return torch.where((predicted == 0).all(dim=-1), 90.0, angle)


def normal_statistics(output: Tensor, target: Tensor) -> Tensor:
    """Histogram of the angles over [0, 180] degrees (see :func:`angles`), then the sum of the angles.

    Returns:
        float64 ``(180 * BINS_PER_DEGREE + 1,)``.

    Raises:
        ValueError: see :func:`angles`.
    """
    angle = angles(output, target)
    bins = 180 * BINS_PER_DEGREE
    index = (angle * BINS_PER_DEGREE).long().clamp(max=bins - 1)
    return torch.cat([torch.bincount(index, minlength=bins).double(), angle.sum().reshape(1)])


def normal_scores(statistics: Tensor) -> dict[str, Tensor]:
    """Mean and median angle in degrees and the shares of pixels within 11.25, 22.5 and 30 degrees (exclusive).

    The median is that of all pixels of the set, accurate to half a histogram bin; the rest is exact. The thresholds
    are edges of bins.

    Example:
        >>> scores = normal_scores(normal_statistics(torch.eye(3), torch.tensor([[1.0, 0.0, 0.0]] * 3)))
        >>> {name: round(float(score), 3) for name, score in scores.items()}
        {'mean': 60.0, 'median': 90.005, 'within_11.25': 0.333, 'within_22.5': 0.333, 'within_30': 0.333}
    """
    histogram, total = statistics[:-1].long(), statistics[-1]  # sums of integers are deterministic on every device
    cumulative, count = histogram.cumsum(dim=0), histogram.sum()
    middle = torch.stack([(count + 1) // 2, count // 2 + 1])
    median = (torch.searchsorted(cumulative, middle).double() + 0.5).mean() / BINS_PER_DEGREE
    scores = {"mean": total / count, "median": torch.where(count > 0, median, math.nan)}
    shares = cumulative.double() / count
    return scores | {f"within_{d:g}": shares[round(d * BINS_PER_DEGREE) - 1] for d in _WITHIN}


class NormalMetrics(DenseMetrics):
    """Mean and median angle (degrees; the median to 0.005) and shares within 11.25, 22.5 and 30 degrees.

    Outputs and targets are ``(N, 3, ...)``; outputs of any length, targets all-zero or NaN where invalid.

    Args:
        resize: see :class:`~mt_torchattacks.metrics.base.DenseMetrics`.

    Example:
        >>> metrics = NormalMetrics()
        >>> metrics.update(torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]]))
        >>> round(float(metrics.compute()["mean"]), 4)
        45.0
    """

    directions: ClassVar = {
        "mean": False,
        "median": False,
        "within_11.25": True,
        "within_22.5": True,
        "within_30": True,
    }

    def __init__(self, *, resize: str | None = None) -> None:
        super().__init__(torch.zeros(180 * BINS_PER_DEGREE + 1, dtype=torch.float64), resize)

    def statistics(self, output: Tensor, target: Tensor) -> Tensor:
        return normal_statistics(output, target)

    def scores(self, total: Tensor) -> dict[str, Tensor]:
        return normal_scores(total)
