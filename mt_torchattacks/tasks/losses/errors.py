"""Errors as metrics count them, but with a gradient: what an attack should raise where a metric is to fall.

A training loss goes on growing where its metric has nothing left to lose: the cross-entropy of a pixel that is already
wrong, for example. An attack that follows it spends its budget there. See ``docs/metric-targets.md``.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.base import Valid
from mt_torchattacks.tasks.losses.cosine import CosineDistance
from mt_torchattacks.tasks.losses.cross_entropy import CrossEntropy
from mt_torchattacks.tasks.losses.logarithms import log_odds_against, only
from mt_torchattacks.tasks.losses.pointwise import Pointwise


class ExpectedError(CrossEntropy):
    """One minus the probability of the true class, mean over the sample's labels: the expected share of wrong ones.

    In [0, 1]. Unlike the cross-entropy it gains nothing from a label that is wrong already. Its logarithm is that of a
    sigmoid of the cross-entropy's margin, and so is finite where the error itself is rounded to 0.

    Args:
        ignore_index: label that does not count.
        probabilities: the output holds probabilities (softmaxed), not scores.
        class_dim: where the output has its classes: 1, or -1 for the last dimension.
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`.

    Shape:
        output ``(N, K)`` with target ``(N,)`` int64, or ``(N, K, ...)`` with ``(N, ...)``; with ``class_dim=-1`` output
        ``(N, ..., K)``; returns ``(N,)``.

    Example:
        >>> ExpectedError()(torch.tensor([[0.0, 0.0], [0.0, 100.0]]), torch.tensor([0, 0]))
        tensor([0.5000, 1.0000])
        >>> ExpectedError().log(torch.tensor([[150.0, 0.0]]), torch.tensor([0]))
        tensor([-150.])
    """

    def __init__(
        self,
        *,
        ignore_index: int = -100,
        probabilities: bool = False,
        class_dim: int = 1,
        valid: Valid | None = None,
        resize: str | None = None,
    ) -> None:
        options: dict[str, Any] = {"probabilities": probabilities, "valid": valid, "resize": resize}
        super().__init__(ignore_index=ignore_index, class_dim=class_dim, **options)

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        values, counted = super().elements(output, target, mask)
        return -torch.expm1(-values), counted

    def log_elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        assert mask is not None
        margin = log_odds_against(self.scores(output), torch.where(mask, target, 0))
        return only(F.logsigmoid(margin), mask & (margin > -torch.inf)), None if target.ndim == 1 else mask


class Angle(CosineDistance):
    """Angle between output and target vectors in degrees, mean over the sample's valid vectors.

    The vectors lie along dimension 1 and may have any length, see :class:`CosineDistance`. Angles below a tenth of a
    degree, where the arc cosine has no usable gradient, count as 0.

    Args:
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`; for normals ``valid=losses.nonzero``.

    Shape:
        output and target ``(N, C, ...)``; returns ``(N,)``, in degrees.

    Example:
        >>> Angle()(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]))
        tensor([90.])
    """

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        distance, counted = super().elements(output, target, mask)
        angle = torch.rad2deg(torch.arccos(1 - distance.clamp(1e-6, 2 - 1e-6)))
        return torch.where(distance > 1e-6, angle, 0), counted


class RelativeError(Pointwise):
    """Mean absolute error relative to the target, for quantities > 0 such as depth.

    Args:
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`; for depth ``valid=losses.positive``.

    Shape:
        output and target ``(N, ...)``, the target > 0 where it is valid; returns ``(N,)``.

    Example:
        >>> RelativeError()(torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0, 2.0]]))
        tensor([0.2500])
    """

    def error(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        return (output - target).abs() / (target if mask is None else torch.where(mask, target, 1))

    def check_values(self, output: Tensor, target: Tensor) -> None:
        """Check that valid targets are > 0.

        Raises:
            ValueError: a valid target that is not.
        """
        super().check_values(output, target)
        mask = self.mask(target)
        lowest = float((target if mask is None else torch.where(mask, target, 1)).amin())
        checks.require(lowest > 0, "target", "values > 0, or valid=losses.positive", f"values down to {lowest:g}")
