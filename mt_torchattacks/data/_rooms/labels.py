"""Labels of the Taskonomy tasks, from the geometry that the pixels see or from the image.

Every function takes ``(hits, images)`` for ``B`` scenes and returns a tensor whose first dimension is ``B``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mt_torchattacks.data._rooms.geometry import dot
from mt_torchattacks.data._rooms.raycast import Hits

CURVATURE_UNIT = 0.1
"""Principal curvatures are given in units of 1 / (0.1 m)."""


def _planes(values: Tensor, images: Tensor) -> Tensor:
    """``(C, n)`` of all pixels as ``(B, C, H, W)``."""
    scenes, _, height, width = images.shape
    return values.view(-1, scenes, height, width).transpose(0, 1).contiguous()


def depth(hits: Hits, images: Tensor) -> Tensor:
    """Depth along the optical axis, metres, ``(B, 1, H, W)``."""
    return _planes(hits.z, images)


def depth_euclidean(hits: Hits, images: Tensor) -> Tensor:
    """Distance from the camera, metres, ``(B, 1, H, W)``."""
    return _planes(hits.z * dot(hits.ray, hits.ray).sqrt(), images)


def normal(hits: Hits, images: Tensor) -> Tensor:
    """Unit normals towards the camera, in camera coordinates (x right, y down, z forward), ``(B, 3, H, W)``."""
    return _planes(hits.normal, images)


def principal_curvature(hits: Hits, images: Tensor) -> Tensor:
    """Larger and smaller principal curvature, ``(B, 2, H, W)``: 0 on planes, 0.1 m / r on a ball, convex positive."""
    return _planes(hits.curvature * CURVATURE_UNIT, images)


def reshading(hits: Hits, images: Tensor) -> Tensor:
    """Brightness in [0, 1] of white matt surfaces with the only light at the camera, ``(B, 1, H, W)``."""
    facing = -dot(hits.normal, hits.ray) / dot(hits.ray, hits.ray).sqrt()
    return _planes(facing.clamp(0, 1), images)


def autoencoder(hits: Hits, images: Tensor) -> Tensor:
    """The image itself, ``(B, 3, H, W)``."""
    return images.clone()


def edge_occlusion(hits: Hits, images: Tensor) -> Tensor:
    """Edges where one surface hides another, in [0, 1], ``(B, 1, H, W)``; creases are none.

    The relative gap between neighbouring pixels' surfaces, each extended as a plane to the other's ray (the smaller
    of both ways), is 1 where it is 0.2 or more. The nearer and the farther pixel both carry the edge.
    """
    z, away, ray = depth(hits, images), normal(hits, images), _planes(hits.ray, images)
    edge = torch.zeros_like(z)
    for dim in (2, 3):
        count = z.shape[dim] - 1
        (z0, n0, r0), (z1, n1, r1) = (
            tuple(plane.narrow(dim, start, count) for plane in (z, away, ray)) for start in (0, 1)
        )
        gap = torch.minimum(_gap(z0, n0, r0, z1, r1), _gap(z1, n1, r1, z0, r0))
        strength = (gap * 5).clamp(0, 1)
        for start in (0, 1):
            part = edge.narrow(dim, start, count)
            part.copy_(torch.maximum(part, strength))
    return edge


def _gap(z: Tensor, away: Tensor, ray: Tensor, other_z: Tensor, other_ray: Tensor) -> Tensor:
    """Relative distance of another pixel's point from this pixel's tangent plane, along the other's ray."""
    steep = _dot_channels(away, other_ray)
    expected = z * _dot_channels(away, ray) / torch.where(steep < -1e-3, steep, -1e-3)
    return (expected - other_z).abs() / torch.minimum(z, other_z)


def _dot_channels(a: Tensor, b: Tensor) -> Tensor:
    return dot(a.transpose(0, 1), b.transpose(0, 1)).unsqueeze(1)


def edge_texture(hits: Hits, images: Tensor) -> Tensor:
    """Size of the gradient of the grey image (Sobel), in [0, 1], ``(B, 1, H, W)``."""
    right, down = _gradient(_grey(images))
    return (2 * (right * right + down * down).sqrt()).clamp_max(1)


def keypoints2d(hits: Hits, images: Tensor) -> Tensor:
    """Corners and blobs of the grey image, in [0, 1], ``(B, 1, H, W)``: root of the determinant of its Hessian."""
    right, down = _gradient(_grey(images))
    (xx, xy), (_, yy) = _gradient(right), _gradient(down)
    return (6 * (xx * yy - xy * xy).clamp_min(0).sqrt()).clamp_max(1)


def keypoints3d(hits: Hits, images: Tensor) -> Tensor:
    """Corners of the surfaces, in [0, 1], ``(B, 1, H, W)``.

    The smaller eigenvalue (its root) of the structure tensor of the normals and of the inverse depth (4 at the nearest
    point of the scene): high only where the surfaces change in two directions.
    """
    z = depth(hits, images)
    inverse = 4 * (z.flatten(1).amin(1).view(-1, 1, 1, 1) / z)
    xx = xy = yy = torch.zeros_like(z)
    away = normal(hits, images)
    for plane in (away[:, :1], away[:, 1:2], away[:, 2:], inverse):
        right, down = _gradient(plane)
        xx, xy, yy = xx + right * right, xy + right * down, yy + down * down
    xx, xy, yy = (_smooth(part) for part in (xx, xy, yy))
    apart = ((xx - yy) * (xx - yy) + 4 * xy * xy).sqrt()
    return ((xx + yy - apart) / 2).clamp(0, 1).sqrt()


def _grey(images: Tensor) -> Tensor:
    return 0.299 * images[:, :1] + 0.587 * images[:, 1:2] + 0.114 * images[:, 2:]


def _neighbours(image: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The image shifted by one pixel either way, its border repeated."""
    count = image.shape[dim] - 1
    before = torch.cat([image.narrow(dim, 0, 1), image.narrow(dim, 0, count)], dim)
    after = torch.cat([image.narrow(dim, 1, count), image.narrow(dim, count, 1)], dim)
    return before, after


def _smooth_along(image: Tensor, dim: int) -> Tensor:
    before, after = _neighbours(image, dim)
    return 0.25 * (before + after) + 0.5 * image


def _smooth(image: Tensor) -> Tensor:
    return _smooth_along(_smooth_along(image, 2), 3)


def _gradient(image: Tensor) -> tuple[Tensor, Tensor]:
    """Change per pixel to the right and down (Sobel)."""
    left, right = _neighbours(_smooth_along(image, 2), 3)
    above, below = _neighbours(_smooth_along(image, 3), 2)
    return (right - left) / 2, (below - above) / 2


DENSE: dict[str, Callable[[Hits, Tensor], Tensor]] = {
    "normal": normal,
    "depth": depth,
    "depth_euclidean": depth_euclidean,
    "keypoints2d": keypoints2d,
    "keypoints3d": keypoints3d,
    "edge_texture": edge_texture,
    "edge_occlusion": edge_occlusion,
    "principal_curvature": principal_curvature,
    "reshading": reshading,
    "autoencoder": autoencoder,
}
"""Every label except the segmentation."""
