"""A slow, independent ray caster in float64: every ray meets every shape, by textbook formulas in world space."""

from __future__ import annotations

import numpy as np

from mt_torchattacks.data._rooms.batch import Batch, collate, scene_key
from mt_torchattacks.data._rooms.compose import compose
from mt_torchattacks.data._rooms.geometry import BOX, CYLINDER, Cameras, Shapes

Array = np.ndarray
Hits = tuple[Array, Array]
"""Distances along the rays ``(n,)``, infinite where they miss, and outward unit normals ``(n, 3)``."""


def batch(indices: range, size: tuple[int, int], seed: int = 0) -> Batch:
    """The batch behind ``Rooms(seed=seed).render(indices)``."""
    keys = [scene_key(seed, index) for index in indices]
    return collate([compose(key) for key in keys], keys, size)


def rays(cameras: Cameras, scene: int, size: tuple[int, int]) -> tuple[Array, Array]:
    """Origin ``(3,)`` and directions ``(n, 3)`` in the world; their component along the optical axis is 1."""
    row, column = (index.reshape(-1, 1) for index in np.indices(size))
    right, down, ahead = cameras.axes[:, :, scene].double().numpy()
    slope = float(cameras.slope[scene])
    across, below = (column + 0.5 - size[1] / 2) * slope, (row + 0.5 - size[0] / 2) * slope
    return cameras.position[:, scene].double().numpy(), across * right + below * down + ahead


def enter(shapes: Shapes, index: int, origin: Array, directions: Array) -> Hits:
    """Where rays enter one shape that they start outside of."""
    center, half = shapes.center[:, index].double().numpy(), shapes.half[:, index].double().numpy()
    axes = shapes.axes[:, :, index].double().numpy()
    offset, kind = origin - center, int(shapes.kind[index])
    if kind == BOX:
        return nearest([_face(offset, half, axes, axis, sign, directions) for axis in range(3) for sign in (-1, 1)])
    if kind == CYLINDER:
        caps = [_face(offset, half, axes, 2, sign, directions, oval=True) for sign in (-1, 1)]
        return nearest([*caps, _quadric(offset, half, axes, (1, 1, 0), directions)])
    return _quadric(offset, half, axes, (1, 1, 1), directions)


def nearest(hits: list[Hits]) -> Hits:
    """Of several surfaces, the one that each ray meets first."""
    t, normals = np.stack([t for t, _ in hits]), np.stack([normal for _, normal in hits])
    first = t.argmin(0)
    return t.min(0), normals[first, np.arange(len(first))]


def _face(
    offset: Array, half: Array, axes: Array, axis: int, sign: int, directions: Array, *, oval: bool = False
) -> Hits:
    normal = sign * axes[axis]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (half[axis] - offset @ normal) / (directions @ normal)
        others = np.delete((offset + t[:, None] * directions) @ axes.T / half, axis, axis=1)
        inside = (others**2).sum(1) <= 1 if oval else np.abs(others).max(1) <= 1
    met = inside & (t > 0) & (directions @ normal < 0)
    return np.where(met, t, np.inf), np.broadcast_to(normal, directions.shape)


def _quadric(offset: Array, half: Array, axes: Array, used: tuple[int, int, int], directions: Array) -> Hits:
    form = axes.T @ np.diag(np.array(used) / half**2) @ axes
    a, b = np.einsum("ni,ij,nj->n", directions, form, directions), 2 * directions @ form @ offset
    with np.errstate(invalid="ignore"):
        t = (-b - np.sqrt(b * b - 4 * a * (offset @ form @ offset - 1))) / (2 * a)
        points = offset + t[:, None] * directions
        met = (t > 0) & (bool(used[2]) | (np.abs(points @ axes[2]) <= half[2]))
    normals = points @ form
    return np.where(met, t, np.inf), normals / np.linalg.norm(normals, axis=1, keepdims=True)
