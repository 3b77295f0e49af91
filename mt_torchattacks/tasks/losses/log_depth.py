"""Losses of logarithms, for quantities > 0 such as depth: what counts is the ratio of output and target."""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.base import Valid, ratio_per_sample
from mt_torchattacks.tasks.losses.errors import RelativeError


class LogError(RelativeError):
    """Mean absolute difference of the natural logarithms of output and target.

    Args:
        least: > 0, in the target's unit; smaller outputs count as this one and have no gradient.
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`; for depth ``valid=losses.positive``.

    Shape:
        output and target ``(N, ...)``, the target > 0 where it is valid; returns ``(N,)``.

    Example:
        >>> LogError()(torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0, 2.0]]))  # log(2) / 2
        tensor([0.3466])
    """

    def __init__(self, least: float = 1e-3, *, valid: Valid | None = None, resize: str | None = None) -> None:
        super().__init__(valid=valid, resize=resize)
        checks.positive(least, "least")
        self.least = least

    def error(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        return self.ratio(output, target, mask).abs()

    def ratio(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """The logarithm of output over target, of their shape; where the target is not valid of the output alone."""
        known = target if mask is None else torch.where(mask, target, 1)
        return output.clamp_min(self.least).log() - known.to(output.dtype).log()


class ScaleInvariantLog(LogError):
    """Scale-invariant error of logarithms: ``mean(d^2) - share * mean(d)^2`` with ``d = log(output / target)``.

    'Depth Map Prediction from a Single Image using a Multi-Scale Deep Network' (Eigen, Puhrsch and Fergus, NeurIPS
    2014, https://arxiv.org/abs/1406.2283, eq. 4). With ``share=1`` an output that is wrong by one factor everywhere has
    the loss 0, with ``share=0`` it is the mean squared difference of logarithms.

    Args:
        share: in [0, 1]; 0.5 in the source.
        least, valid, resize: see :class:`LogError`.

    Shape:
        output and target ``(N, ...)``, the target > 0 where it is valid; returns ``(N,)``, in [0, inf).

    Example:
        >>> ScaleInvariantLog(share=1)(torch.tensor([[2.0, 4.0]]), torch.tensor([[1.0, 2.0]]))
        tensor([0.])
    """

    def __init__(
        self, share: float = 0.5, least: float = 1e-3, *, valid: Valid | None = None, resize: str | None = None
    ) -> None:
        super().__init__(least, valid=valid, resize=resize)
        checks.require(0 <= share <= 1, "share", "a number in [0, 1]", share)
        self.share = share

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """Loss of each sample, ``(N,)``, see :class:`~mt_torchattacks.tasks.losses.base.Loss`."""
        output, target, mask = self.inputs(output, target)
        ratio = self.ratio(output, target, mask)
        ratio, counted = (ratio, None) if mask is None else (torch.where(mask, ratio, 0), mask.expand(ratio.shape))
        mean = ratio_per_sample(ratio, counted)
        # As a spread and a mean, both >= 0: a difference of squares would lose digits, and may be below 0.
        centred = ratio - mean.reshape(-1, *[1] * (ratio.ndim - 1))
        centred = centred if counted is None else torch.where(counted, centred, 0)
        return ratio_per_sample(centred.square(), counted) + (1 - self.share) * mean.square()
