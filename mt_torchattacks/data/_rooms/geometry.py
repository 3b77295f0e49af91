"""Shapes and cameras of a batch of scenes, and the exact intersection of rays with shapes.

Vectors are stored component first, ``(3, n)``, and all arithmetic is element by element with correctly rounded
operations only: no sum over a dimension, no product of matrices. A result therefore never depends, in any bit, on what
else is in the batch or on the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

BOX, CYLINDER, ELLIPSOID = range(3)
_TINY = 1e-20


class Shapes(NamedTuple):
    """``P`` shapes: the unit box, cylinder (round in x and y) or ball, scaled by ``half``, turned, and moved."""

    scene: Tensor
    """``(P,)`` index of the scene in the batch."""
    kind: Tensor
    """``(P,)``."""
    label: Tensor
    """``(P,)`` one of the 40 classes."""
    material: Tensor
    """``(P,)`` row in the batch's table of materials."""
    center: Tensor
    """``(3, P)`` in world coordinates, metres, z up."""
    axes: Tensor
    """``(3, 3, P)``: ``axes[i]`` is the world direction of the shape's own axis i."""
    half: Tensor
    """``(3, P)`` half sizes along the shape's own axes, metres."""


class Cameras(NamedTuple):
    """``B`` pinhole cameras."""

    position: Tensor
    """``(3, B)``."""
    axes: Tensor
    """``(3, 3, B)``: world directions of right, down, forward."""
    slope: Tensor
    """``(B,)``: 1 / focal length in pixels."""


def pick(table: Tensor, index: Tensor) -> Tensor:
    """``table[..., index]``, much faster."""
    return table.index_select(-1, index)


def dot(a: Tensor | Sequence[Tensor], b: Tensor | Sequence[Tensor]) -> Tensor:
    """Inner product of two vectors stored component first, always summed in the same order."""
    total = a[0] * b[0]
    for i in range(1, len(a)):
        total = total + a[i] * b[i]
    return total


def combine(weights: Tensor, vectors: Tensor) -> Tensor:
    """``sum_i weights[i] * vectors[i]`` for weights ``(3, n)`` and vectors ``(3, 3, n)``, in a fixed order."""
    return weights[0] * vectors[0] + weights[1] * vectors[1] + weights[2] * vectors[2]


def _slab(origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    inverse = 1 / torch.where(direction == 0, _TINY, direction)
    middle, reach = -origin * inverse, inverse.abs()
    return middle - reach, middle + reach


def _round(origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    squared = dot(direction, direction).clamp_min(_TINY)
    middle = -dot(origin, direction) / squared
    nearest = origin + middle * direction
    reach = ((1 - dot(nearest, nearest)) / squared).sqrt()  # NaN where the ray misses: every comparison is then False
    return middle - reach, middle + reach


def intervals(kind: int, origin: Tensor, direction: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Where rays enter and leave each of the simple solids whose intersection is the shape.

    Args:
        kind: ``BOX``, ``CYLINDER`` or ``ELLIPSOID``.
        origin: ``(3, n)`` in units of the shape's half sizes, along its own axes.
        direction: ``(3, n)`` likewise.

    Returns:
        A list of entries and one of exits, each ``(n,)``: three slabs, a round and a slab, or one round.
    """
    if kind == BOX:
        parts = [_slab(origin[i], direction[i]) for i in range(3)]
    elif kind == CYLINDER:
        parts = [_round(origin[:2], direction[:2]), _slab(origin[2], direction[2])]
    else:
        parts = [_round(origin, direction)]
    return [enter for enter, _ in parts], [leave for _, leave in parts]


def span(kind: int, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays enter and leave a shape, each ``(n,)``; a ray misses where not ``enter <= leave``."""
    enters, leaves = intervals(kind, origin, direction)
    enter, leave = enters[0], leaves[0]
    for other_enter, other_leave in zip(enters[1:], leaves[1:], strict=True):
        enter, leave = torch.maximum(enter, other_enter), torch.minimum(leave, other_leave)
    return enter, leave


def own_normal(kind: int, origin: Tensor, direction: Tensor, point: Tensor, half: Tensor) -> Tensor:
    """Unit outward normal ``(3, n)`` along the shape's own axes, where rays enter at ``point`` (unit coordinates)."""
    enters, _ = intervals(kind, origin, direction)
    if kind == BOX:
        first = (enters[0] >= enters[1]) & (enters[0] >= enters[2])
        second = ~first & (enters[1] >= enters[2])
        return -direction.sign() * torch.stack([first, second, ~(first | second)])
    normal = point / half
    if kind == CYLINDER:
        cap, none = enters[1] >= enters[0], torch.zeros_like(point[0])
        side, flat = torch.stack([normal[0], normal[1], none]), torch.stack([none, none, -direction[2].sign()])
        normal = torch.where(cap, flat, side)
    return normal / dot(normal, normal).sqrt()


def own_curvature(kind: int, normal: Tensor, point: Tensor, half: Tensor) -> Tensor:
    """Principal curvatures ``(2, n)`` in 1/m, larger first, convex positive, at ``point`` (unit coordinates)."""
    if kind == BOX:
        return torch.zeros_like(point[:2])
    gradient = point / half
    if kind == ELLIPSOID:
        return _bending(normal, 1 / (half * half)) / dot(gradient, gradient).sqrt()
    steep = dot(gradient[:2], gradient[:2])
    bent = 1 / (half[0] * half[0] * half[1] * half[1] * steep * steep.sqrt())
    bent = torch.where(normal[2] != 0, 0.0, bent)
    return torch.stack([bent, torch.zeros_like(bent)])


def _bending(normal: Tensor, form: Tensor) -> Tensor:
    """Eigenvalues ``(2, n)``, larger first, of the quadratic form ``diag(form)`` in the plane across ``normal``.

    The part that is the same in all directions is taken out first, so that those of a ball come out equal.
    """
    first, second = _across(normal)
    rest = form - form[0]
    a, b, c = dot(rest * first, first), dot(rest * first, second), dot(rest * second, second)
    middle, apart = (a + c) / 2, ((a - c) * (a - c) / 4 + b * b).sqrt()
    return form[0] + torch.stack([middle + apart, middle - apart])


def _across(normal: Tensor) -> tuple[Tensor, Tensor]:
    """Two unit vectors at right angles to a unit vector and to each other (Duff et al., 2017)."""
    x, y, z = normal
    sign = torch.where(z < 0, -1.0, 1.0).to(z.dtype)
    a = -1 / (sign + z)
    b = x * y * a
    return torch.stack([1 + sign * x * x * a, sign * b, -sign * x]), torch.stack([b, sign + y * y * a, -y])
