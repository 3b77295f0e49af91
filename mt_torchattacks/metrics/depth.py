"""Metrics of depth: absolute and relative error and the shares of pixels within three ratios."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.dense import positive
from mt_torchattacks.metrics.base import DenseMetrics

_DELTAS = {"delta_1.25": 1.25, "delta_1.25^2": 1.25**2, "delta_1.25^3": 1.25**3}


def depth_statistics(output: Tensor, target: Tensor) -> Tensor:
    """Sums over the pixels whose true depth is > 0: absolute error, relative error, three delta counts, pixels.

    Args:
        output: depths in metres ``(N, ...)``.
        target: depths in metres, of the output's shape; <= 0 or NaN where invalid.

    Returns:
        float64 ``(6,)``. A predicted depth <= 0 is within no delta.

    Raises:
        ValueError: the shapes differ, or a depth where the target is valid is NaN or infinite.

    Example:
        >>> depth_statistics(torch.tensor([[3.0, 9.0]]), torch.tensor([[2.0, 0.0]]))
        tensor([1.0000, 0.5000, 0.0000, 1.0000, 1.0000, 1.0000], dtype=torch.float64)
    """
    checks.require(target.shape == output.shape, "target", f"shape {tuple(output.shape)}", checks.describe(target))
    valid = positive(target)
    predicted, true = output[valid].double(), target[valid].double()
    checks.finite(predicted, "output")
    checks.finite(true, "target")
    error = (predicted - true).abs()
    ratio = torch.where(predicted > 0, torch.maximum(predicted / true, true / predicted), math.inf)
    within = [(ratio < delta).double() for delta in _DELTAS.values()]
    return torch.stack([error, error / true, *within, torch.ones_like(error)]).sum(dim=1)


def depth_scores(statistics: Tensor) -> dict[str, Tensor]:
    """Mean absolute error (metres), mean relative error, shares of pixels with a ratio below 1.25, 1.25^2 and 1.25^3.

    The ratio is the larger of prediction / truth and truth / prediction.

    Example:
        >>> scores = depth_scores(depth_statistics(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0])))
        >>> {name: float(score) for name, score in scores.items()}
        {'abs': 0.5, 'rel': 0.25, 'delta_1.25': 0.5, 'delta_1.25^2': 1.0, 'delta_1.25^3': 1.0}
    """
    return dict(zip(("abs", "rel", *_DELTAS), statistics[:-1] / statistics[-1], strict=True))


class DepthMetrics(DenseMetrics):
    """Mean absolute (metres) and relative error, and shares with a ratio below 1.25, 1.25^2 and 1.25^3.

    Outputs and targets are ``(N, ...)`` in metres; targets <= 0 or NaN are invalid.

    Args:
        resize: see :class:`~mt_torchattacks.metrics.base.DenseMetrics`.

    Example:
        >>> metrics = DepthMetrics()
        >>> metrics.update(torch.tensor([3.0, 5.0]), torch.tensor([2.0, 0.0]))
        >>> float(metrics.compute()["rel"])
        0.5
    """

    directions: ClassVar = {"abs": False, "rel": False, "delta_1.25": True, "delta_1.25^2": True, "delta_1.25^3": True}

    def __init__(self, *, resize: str | None = None) -> None:
        super().__init__(torch.zeros(6, dtype=torch.float64), resize)

    def statistics(self, output: Tensor, target: Tensor) -> Tensor:
        return depth_statistics(output, target)

    def scores(self, total: Tensor) -> dict[str, Tensor]:
        return depth_scores(total)
