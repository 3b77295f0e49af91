"""The L1 ball within a box of pixel values: the nearest point of it, and the best point of it for a linear loss.

The mathematics is that of 'Mind the box: l1-APGD for sparse adversarial attacks on image classifiers' (Croce & Hein,
ICML 2021, https://arxiv.org/abs/2103.01208).
"""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks.geometry.shape import dims, spread


def project(delta: Tensor, radius: float | Tensor, room: Tensor) -> Tensor:
    """The nearest displacement with an L1 norm of at most ``radius`` that goes nowhere further than ``room``.

    Proposition 2.1 of the paper: each size becomes ``min(max(size - shrink, 0), room)``, with the smallest
    ``shrink >= 0`` for which the sum is at most the radius. Exact: the sum is piecewise linear in ``shrink``, so its
    corners are sorted and the one piece that holds the radius is solved, in float64.

    Args:
        delta: displacements ``(N, ...)``.
        radius: a number, or one a sample ``(N, 1, ...)``.
        room: how far each pixel may go in the direction of its ``delta``, of the same shape, >= 0.

    Example:
        >>> project(torch.tensor([[[[3.0, -2.0, 0.5]]]]), 2.0, torch.tensor([[[[0.6, 5.0, 5.0]]]]))
        tensor([[[[ 0.6000, -1.4000,  0.0000]]]])
    """
    sizes = delta.abs().flatten(1).double()
    rooms = torch.minimum(room.flatten(1).double(), sizes)
    left = (sizes - _shrink(sizes, rooms, radius)).clamp_min(0).minimum(rooms)
    return left.to(delta.dtype).reshape(delta.shape) * delta.sign()


def _shrink(sizes: Tensor, rooms: Tensor, radius: float | Tensor) -> Tensor:
    """How much to shrink by, ``(N, 1)``: where ``sum(relu(size - s) - relu(size - room - s))`` is the radius."""
    limit = radius.reshape(-1, 1).double() if isinstance(radius, Tensor) else radius
    corners, order = torch.cat([sizes, sizes - rooms], dim=1).sort(dim=1, descending=True)
    slopes = torch.cat([torch.ones_like(sizes), -torch.ones_like(sizes)], dim=1).gather(1, order)
    slope, offset = slopes.cumsum(dim=1), (slopes * corners).cumsum(dim=1)
    # The piece below corner j is offset[j] - slope[j] * s; the sums at the corners rise with j, from 0.
    last = (offset - slope * corners <= limit).sum(dim=1, keepdim=True) - 1
    below = corners.gather(1, (last + 1).clamp_max(corners.shape[1] - 1))
    found = (offset.gather(1, last) - limit) / slope.gather(1, last).clamp_min(1)
    return found.clamp(below, corners.gather(1, last)).clamp_min(0)


def steepest(gradient: Tensor, radius: float | Tensor, room: Tensor) -> Tensor:
    """The displacement in the L1 ball and the box along which a loss with this gradient rises most.

    A fractional knapsack (proposition 2.2 of the paper): the pixels with the largest gradients go as far as they have
    room, until the radius is used up.

    Args:
        gradient: ``(N, ...)``.
        radius: a number, or one a sample ``(N, 1, ...)``.
        room: how far each pixel may go in the direction of its gradient, of the same shape, >= 0.

    Example:
        >>> steepest(torch.tensor([[[[3.0, -2.0, 0.5]]]]), 1.0, torch.tensor([[[[0.75, 5.0, 5.0]]]]))
        tensor([[[[ 0.7500, -0.2500,  0.0000]]]])
    """
    limit = radius.reshape(-1, 1) if isinstance(radius, Tensor) else radius
    order = gradient.abs().flatten(1).argsort(dim=1, descending=True)
    rooms = room.flatten(1).gather(1, order)
    left = limit - (rooms.cumsum(dim=1, dtype=torch.float64) - rooms)
    taken = left.clamp_min(0).to(rooms.dtype).minimum(rooms)
    return torch.zeros_like(taken).scatter_(1, order, taken).reshape(gradient.shape) * gradient.sign()


def largest_signs(gradient: Tensor, count: Tensor) -> Tensor:
    """The signs of each sample's ``count`` largest elements (more where some are equal), divided by their number.

    Args:
        gradient: ``(N, ...)``.
        count: how many for each sample ``(N,)``, at least 1.

    Example:
        >>> largest_signs(torch.tensor([[[[3.0, -2.0, 0.5]]]]), torch.tensor([2.0]))
        tensor([[[[ 0.5000, -0.5000,  0.0000]]]])
    """
    sizes = gradient.flatten(1).abs()
    index = (count.long() - 1).clamp(0, sizes.shape[1] - 1).unsqueeze(1)
    smallest = sizes.sort(dim=1, descending=True).values.gather(1, index)
    signs = gradient.sign() * (gradient.abs() >= spread(smallest.squeeze(1), gradient))
    return signs / signs.abs().sum(dim=dims(signs), keepdim=True).clamp_min(1)
