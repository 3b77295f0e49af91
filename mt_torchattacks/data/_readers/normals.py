"""Surface normals from a depth map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks import checks

_RADIUS = 3
_STEPS = range(-_RADIUS, _RADIUS + 1)
_ONES = [1] * len(_STEPS)
_TOLERANCE = 0.02


class Intrinsics(NamedTuple):
    """A pinhole camera, in pixels."""

    fx: float
    fy: float
    cx: float
    cy: float


KINECT = Intrinsics(518.857901, 519.469611, 325.582449, 253.736166)
"""NYUv2's RGB camera at 640 x 480 (toolbox of Silberman et al., 2012), onto whose image depths are projected."""


def normals_from_depth(depth: Tensor, camera: Intrinsics) -> Tensor:
    """Normals of the planes that fit a depth map best in each window of 7 x 7 pixels.

    A plane's inverse depth is affine in the pixel coordinates, so its normal follows from the slopes of inverse depth,
    exactly: with ``w = 1/z``, the normal is along ``(fx dw/du, fy dw/dv, w - (u - cx) dw/du - (v - cy) dw/dv)``.
    Zeros (invalid) where the window leaves the image or has a pixel without depth, and where it does not hold one
    surface (inverse depth is off the plane by over 2 % in the root mean square).

    Args:
        depth: ``(1, H, W)`` depth along the optical axis in metres, <= 0 where invalid.
        camera: the camera's intrinsics.

    Returns:
        ``(3, H, W)`` unit vectors towards the camera; x right, y down, z forward.

    Raises:
        ValueError: ``depth`` is not of shape ``(1, H, W)``.

    Example:
        >>> wall = normals_from_depth(torch.full((1, 9, 9), 2.0), KINECT)
        >>> wall[2, 4, 4]
        tensor(-1.)
    """
    checks.require(depth.ndim == 3 and depth.shape[0] == 1, "depth", "shape (1, H, W)", tuple(depth.shape))
    if min(depth.shape[1:]) <= 2 * _RADIUS:
        return depth.new_zeros(3, *depth.shape[1:])
    valid = depth > 0
    inverse = torch.where(valid, 1 / torch.where(valid, depth, 1.0), 0.0).double()
    mean, along_u, along_v, error = _plane(inverse)
    whole = _window(valid.double(), _ONES, _ONES) > 1 - 1e-9
    v, u = torch.meshgrid(*(torch.arange(side).double() for side in depth.shape[1:]), indexing="ij")
    inner = (slice(_RADIUS, -_RADIUS), slice(_RADIUS, -_RADIUS))
    z = mean - (u[inner] - camera.cx) * along_u - (v[inner] - camera.cy) * along_v
    outward = torch.cat([camera.fx * along_u, camera.fy * along_v, z])
    normal = torch.where(whole & (error < _TOLERANCE * mean), -F.normalize(outward, dim=0), 0.0)
    return F.pad(normal, [_RADIUS] * 4).to(depth.dtype)


def _plane(values: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean, slope to the right, slope down and root mean square error of the best affine fit in each window."""
    spread = sum(step**2 for step in _STEPS) / len(_STEPS)
    mean = _window(values, _ONES, _ONES)
    along_u = _window(values, _ONES, _STEPS) / spread
    along_v = _window(values, _STEPS, _ONES) / spread
    explained = mean**2 + spread * (along_u**2 + along_v**2)
    return mean, along_u, along_v, (_window(values**2, _ONES, _ONES) - explained).clamp_min(0).sqrt()


def _window(values: Tensor, down: Sequence[int], right: Sequence[int]) -> Tensor:
    """Mean over each whole window of the values times ``down[i] * right[j]``."""
    for dim, weights in ((-2, down), (-1, right)):
        count = values.shape[dim] - len(weights) + 1
        parts = [weight * values.narrow(dim, start, count) for start, weight in enumerate(weights)]
        values = torch.stack(parts).mean(dim=0)
    return values
