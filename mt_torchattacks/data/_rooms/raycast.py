"""What each pixel of each scene sees: only the shapes that can matter are tried."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mt_torchattacks.data._rooms.geometry import (
    BOX,
    CYLINDER,
    ELLIPSOID,
    Cameras,
    Shapes,
    combine,
    own_curvature,
    own_normal,
    pick,
    span,
)
from mt_torchattacks.data._rooms.views import NEAR, Views, camera_views, candidates


class Hits(NamedTuple):
    """What ``n = B * H * W`` pixels see."""

    scene: Tensor
    """``(n,)``."""
    shape: Tensor
    """``(n,)`` index of the shape."""
    ray: Tensor
    """``(3, n)`` camera coordinates, third component 1."""
    z: Tensor
    """``(n,)`` z-depth, metres."""
    point: Tensor
    """``(3, n)`` world coordinates, metres."""
    own: Tensor
    """``(3, n)`` the point along the shape's own axes, metres from its centre."""
    normal: Tensor
    """``(3, n)`` camera coordinates, unit, towards the camera."""
    curvature: Tensor
    """``(2, n)`` principal curvatures, 1/m."""


def cast(shapes: Shapes, cameras: Cameras, height: int, width: int) -> Hits:
    """First shape along the ray through the centre of each pixel (every ray must meet one)."""
    views = camera_views(shapes, cameras)
    pixels = cameras.slope.numel() * height * width
    nothing = torch.iinfo(torch.int64).max
    nearest = torch.full((pixels,), nothing)
    for kind in (BOX, CYLINDER, ELLIPSOID):
        shape, row, column = candidates(shapes, views, cameras, (height, width), kind)
        scene = pick(shapes.scene, shape)
        enter, leave = span(kind, *views.local(shape, _rays(scene, row, column, cameras, (height, width))))
        seen = ((enter <= leave) & (enter > NEAR)).nonzero()[:, 0]
        # A positive float's bits order as the float does: one key holds the depth and, for ties, the shape.
        key = (pick(enter, seen).view(torch.int32).long() << 32) | pick(shape, seen)
        nearest.scatter_reduce_(0, pick((scene * height + row) * width + column, seen), key, "amin")
    if bool((nearest == nothing).any()):
        raise RuntimeError("a ray leaves the scene: the room is not closed")
    return _describe(shapes, views, cameras, nearest, (height, width))


def _rays(scene: Tensor, row: Tensor, column: Tensor, cameras: Cameras, size: tuple[int, int]) -> Tensor:
    """Directions ``(3, n)`` through the centres of pixels, camera coordinates, third component 1."""
    slope = pick(cameras.slope, scene)
    across, down = (column + (0.5 - size[1] / 2)) * slope, (row + (0.5 - size[0] / 2)) * slope
    return torch.stack([across, down, torch.ones_like(across)])


def _describe(shapes: Shapes, views: Views, cameras: Cameras, key: Tensor, size: tuple[int, int]) -> Hits:
    shape, z = key & 0xFFFFFFFF, (key >> 32).int().view(torch.float32)
    scene, row, column = (
        index.flatten() for index in torch.meshgrid(*map(torch.arange, (cameras.slope.numel(), *size)), indexing="ij")
    )
    ray = _rays(scene, row, column, cameras, size)
    origin, direction = views.local(shape, ray)
    unit, half = origin + z * direction, pick(views.half, shape)
    normal, curvature = torch.empty_like(ray), torch.empty_like(ray[:2])
    kinds = pick(shapes.kind, shape)
    for kind in (BOX, CYLINDER, ELLIPSOID):
        at = (kinds == kind).nonzero()[:, 0]
        own = own_normal(kind, *(pick(part, at) for part in (origin, direction, unit, half)))
        normal.index_copy_(1, at, combine(own, pick(views.axes, pick(shape, at))))
        curvature.index_copy_(1, at, own_curvature(kind, own, pick(unit, at), pick(half, at)))
    point = pick(cameras.position, scene) + z * combine(ray, pick(cameras.axes, scene))
    return Hits(scene, shape, ray, z, point, unit * half, normal, curvature)
