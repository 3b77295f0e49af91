"""Shapes as cameras and lights see them, and which pixels each may cover."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mt_torchattacks.data._rooms.geometry import Cameras, Shapes, combine, dot, pick

NEAR = 0.05
"""Nothing nearer than this is seen, metres of z-depth."""
_EDGES = ((0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 3), (2, 6), (3, 7), (4, 5), (4, 6), (5, 7), (6, 7))


class Views(NamedTuple):
    """Shapes as seen from a point of each scene: a camera or a light."""

    axes: Tensor
    """``(3, 3, P)``: the shape's own axis i in the coordinates of the rays."""
    origin: Tensor
    """``(3, P)``: the point, in the shape's unit coordinates."""
    half: Tensor
    """``(3, P)``."""

    def local(self, shape: Tensor, ray: Tensor) -> tuple[Tensor, Tensor]:
        """Rays ``(3, n)`` from the point, in the unit coordinates of their shapes ``(n,)``."""
        turned = pick(self.axes / self.half[:, None], shape)
        return pick(self.origin, shape), torch.stack([dot(turned[i], ray) for i in range(3)])


def camera_views(shapes: Shapes, cameras: Cameras) -> Views:
    """Shapes as seen from the cameras, for rays of camera coordinates."""
    turn = pick(cameras.axes, shapes.scene)
    axes = torch.stack([torch.stack([dot(shapes.axes[i], turn[j]) for j in range(3)]) for i in range(3)])
    return Views(axes, unit_origin(shapes, cameras.position), shapes.half)


def unit_origin(shapes: Shapes, points: Tensor) -> Tensor:
    """One point of each scene ``(3, B)`` in the unit coordinates of each shape, ``(3, P)``."""
    offset = pick(points, shapes.scene) - shapes.center
    return torch.stack([dot(shapes.axes[i], offset) for i in range(3)]) / shapes.half


def candidates(
    shapes: Shapes, views: Views, cameras: Cameras, size: tuple[int, int], kind: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Shape, row and column of the rays that may meet: the rectangle around each picture of a shape of one kind."""
    chosen = (shapes.kind == kind).nonzero()[:, 0]
    left, right, top, bottom = _rectangles(views, chosen, pick(cameras.slope, pick(shapes.scene, chosen)), size)
    which, row = ragged(top, torch.where(left < right, bottom, top))
    line, column = ragged(pick(left, which), pick(right, which))
    return pick(pick(chosen, which), line), pick(row, line), column


def _rectangles(views: Views, chosen: Tensor, slope: Tensor, size: tuple[int, int]) -> list[Tensor]:
    """Columns and rows, from and to, of a rectangle around each shape's bounding box, cut at the near plane."""
    across, down, depth = _clipped_edges(views, chosen)
    bounds = []
    for values, length in ((across, size[1]), (down, size[0])):
        pixel = torch.where(depth >= NEAR * 0.99, values / depth, torch.nan) / slope + length / 2
        low, high = pixel.nan_to_num(nan=torch.inf).amin(0), pixel.nan_to_num(nan=-torch.inf).amax(0)
        bounds += [(low - 1).clamp(0, length).floor().long(), (high + 1).clamp(0, length).ceil().long()]
    return bounds


def _clipped_edges(views: Views, chosen: Tensor) -> Tensor:
    """Ends of the twelve edges of each bounding box after cutting at the near plane: camera coordinates (3, 24, p)."""
    axes, half = pick(views.axes, chosen), pick(views.half, chosen)
    center = -combine(pick(views.origin, chosen) * half, axes)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)
    corners = torch.stack([center + combine(half * sign[:, None], axes) for sign in signs], dim=1)
    start, end = (corners[:, [edge[side] for edge in _EDGES]] for side in (0, 1))
    cut = ((NEAR - start[2]) / (end[2] - start[2])).clamp(0, 1).nan_to_num(nan=0.0)
    crossing = start + cut * (end - start)
    return torch.cat([torch.where(part[2] < NEAR, crossing, part) for part in (start, end)], dim=1)


def ragged(start: Tensor, stop: Tensor) -> tuple[Tensor, Tensor]:
    """The whole numbers of each range, one range after the other: which range they belong to, and the numbers."""
    count = (stop - start).clamp_min(0)
    which = torch.repeat_interleave(torch.arange(count.numel()), count)
    return which, torch.arange(which.numel()) + pick(start - (count.cumsum(0) - count), which)
