"""Regression losses element by element: L1, MSE, Huber and BerHu."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.base import Loss, Valid, masked


class Pointwise(Loss):
    """Base of the losses whose target has the output's shape and whose value is a mean over valid elements."""

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return masked(self.error(output, target, mask), mask)

    def error(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """Each element's loss, of the output's shape."""
        raise NotImplementedError

    def check_shapes(self, output: Tensor, target: Tensor) -> None:
        wanted = f"a floating-point tensor of the output's shape {tuple(output.shape)}"
        checks.require(target.is_floating_point(), "target", wanted, checks.describe(target), TypeError)
        checks.require(target.shape == output.shape, "target", wanted, checks.describe(target))


class L1(Pointwise):
    """Mean absolute error per sample, in the target's unit.

    Shape:
        output and target ``(N, ...)``; returns ``(N,)``.

    Example:
        >>> L1()(torch.zeros(2, 3), torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]))
        tensor([2., 0.])
    """

    def error(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        return (output - target).abs()


class MSE(Pointwise):
    """Mean squared error per sample, in the target's unit squared.

    Shape:
        output and target ``(N, ...)``; returns ``(N,)``.

    Example:
        >>> MSE()(torch.zeros(1, 2), torch.tensor([[1.0, 3.0]]))
        tensor([5.])
    """

    def error(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        return (output - target).square()


class Huber(Pointwise):
    """Huber loss per sample: quadratic up to ``delta``, linear beyond, mean over the valid elements.

    Args:
        delta: threshold > 0, in the target's unit.
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`.

    Example:
        >>> Huber(delta=1.0)(torch.zeros(1, 1), torch.tensor([[3.0]]))
        tensor([2.5000])
    """

    def __init__(self, delta: float = 1.0, *, valid: Valid | None = None, resize: str | None = None) -> None:
        super().__init__(valid=valid, resize=resize)
        checks.positive(delta, "delta")
        self.delta = delta

    def error(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        return F.huber_loss(output, target.to(output.dtype), reduction="none", delta=self.delta)


class BerHu(Pointwise):
    """Reverse Huber loss (Laina et al., 2016, eq. 1): linear up to c, quadratic beyond.

    The threshold c is a share of the largest error; here of each sample's own largest valid error, so that a sample's
    loss does not depend on its batch. No gradient flows through c.

    Args:
        share: c = share * the sample's largest absolute error; > 0 (0.2 in the source).
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`.

    Example:
        >>> BerHu()(torch.zeros(1, 1), torch.tensor([[1.0]]))  # c = 0.2: (1 + 0.04) / 0.4
        tensor([2.6000])
    """

    def __init__(self, share: float = 0.2, *, valid: Valid | None = None, resize: str | None = None) -> None:
        super().__init__(valid=valid, resize=resize)
        checks.positive(share, "share")
        self.share = share

    def error(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        error = (output - target).abs()
        counted = error if mask is None else torch.where(mask, error, 0)
        largest = counted.detach().flatten(1).amax(1).reshape(-1, *[1] * (error.ndim - 1))
        threshold = (self.share * largest).clamp_min(torch.finfo(error.dtype).tiny)
        return torch.where(error <= threshold, error, (error.square() + threshold.square()) / (2 * threshold))
