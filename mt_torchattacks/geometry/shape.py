"""Shapes of inputs ``(N, ...)``: numbers by sample or by channel that broadcast to them, sums over a sample."""

from __future__ import annotations

import torch
from torch import Tensor

_IMAGE = 4  # dimensions of a batch of images (N, C, H, W)


def spread(values: Tensor, like: Tensor) -> Tensor:
    """Numbers by sample ``(N,)``, or by sample and task ``(N, T)``, in a shape that broadcasts to ``like``.

    Args:
        values: ``(N,)`` or ``(N, T)``.
        like: inputs ``(N, ...)``.

    Returns:
        ``(N, 1, ...)`` or ``(N, T, 1, ...)``, with a 1 for each dimension of an input.

    Example:
        >>> spread(torch.ones(4), torch.zeros(4, 3, 8, 8)).shape, spread(torch.ones(4, 2), torch.zeros(4, 9)).shape
        (torch.Size([4, 1, 1, 1]), torch.Size([4, 2, 1]))
    """
    return values.reshape(*values.shape, *[1] * (like.ndim - 1))


def spread_channels(values: Tensor, like: Tensor) -> Tensor:
    """Numbers by channel as ``(1, C, 1, ...)``, which broadcasts to inputs ``(N, C, ...)``."""
    return values.reshape(1, -1, *[1] * (like.ndim - 2))


def where(samples: Tensor, x: Tensor, otherwise: Tensor) -> Tensor:
    """``x`` for the samples ``(N,)`` that are true, ``otherwise`` for the others; both ``(N, ...)``."""
    return torch.where(spread(samples, x), x, otherwise)


def dims(x: Tensor) -> tuple[int, ...]:
    """The dimensions of one sample: all but the first."""
    return tuple(range(1, x.ndim))


def as_images(x: Tensor) -> Tensor:
    """Inputs ``(N, ...)`` laid out as ``(N, C, H, W)``, for loops that know four dimensions only; images as they are.

    Example:
        >>> as_images(torch.zeros(4, 9)).shape, as_images(torch.zeros(4, 2, 9, 5, 5)).shape
        (torch.Size([4, 9, 1, 1]), torch.Size([4, 2, 9, 25]))
    """
    if x.ndim == _IMAGE:
        return x
    sizes = [*x.shape[1:], 1, 1][: _IMAGE - 1] if x.ndim < _IMAGE else [*x.shape[1:3], -1]
    return x.reshape(len(x), *sizes)
