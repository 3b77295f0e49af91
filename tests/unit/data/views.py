"""A camera and shapes in front of it, for what pixels see."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mt_torchattacks.data._rooms.geometry import BOX, Cameras, Shapes

SIZE = (33, 41)
SLOPE = 0.03


def turned(yaw: float, tilt: float = 0.0) -> Tensor:
    """World directions of a shape's own axes."""
    cos, sin, up, over = math.cos(yaw), math.sin(yaw), math.cos(tilt), math.sin(tilt)
    return torch.tensor([[cos, sin, 0.0], [-sin * up, cos * up, over], [sin * over, -cos * over, up]])


def shapes(*rows: tuple[int, tuple[float, ...], tuple[float, ...], Tensor]) -> Shapes:
    """Shapes of one scene: kind, centre, half sizes, axes; before a wall 10 m away, which is shape 0."""
    wall = (BOX, (0.0, 11.0, 0.0), (50.0, 1.0, 50.0), turned(0))
    kinds, centers, halves, axes = zip(wall, *rows, strict=True)
    none = torch.zeros(len(kinds), dtype=torch.int64)
    center, half = torch.tensor(centers).T.contiguous(), torch.tensor(halves).T.contiguous()
    return Shapes(none, torch.tensor(kinds), none, none, center, torch.stack(axes, dim=-1), half)


def camera(position: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Cameras:
    """A camera that looks along the world's y axis."""
    axes = torch.tensor([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    return Cameras(torch.tensor(position)[:, None], axes[:, :, None], torch.tensor([SLOPE]))
