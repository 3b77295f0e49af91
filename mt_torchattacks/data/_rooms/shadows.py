"""Which pixels a light reaches: only shapes in whose direction the pixel lies are tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from mt_torchattacks.data._rooms.geometry import BOX, CYLINDER, ELLIPSOID, Shapes, dot, pick, span
from mt_torchattacks.data._rooms.raycast import Hits
from mt_torchattacks.data._rooms.views import Views, ragged, unit_origin


def lit(shapes: Shapes, casts: Tensor, hits: Hits, asked: Tensor, lights: Tensor) -> Tensor:
    """Which pixels a light reaches.

    Args:
        shapes: all shapes.
        casts: ``(P,)`` bool, the shapes that cast a shadow.
        hits: what the pixels see, all scenes with the same number of pixels, in order.
        asked: ``(n,)`` bool, the pixels for which the answer matters; the others count as lit.
        lights: ``(3, B)`` world positions, one for each scene.

    Returns:
        ``(n,)`` bool.
    """
    free = torch.ones_like(hits.z, dtype=torch.bool)
    toward = hits.point - pick(lights, hits.scene)
    views = Views(shapes.axes, unit_origin(shapes, lights), shapes.half)
    for kind, shape, pixel in _blockers(shapes, casts, asked, hits, toward, lights):
        enter, leave = span(kind, *views.local(shape, pick(toward, pixel)))
        blocked = ((enter <= leave) & (enter > 0) & (enter < 0.998)).nonzero()[:, 0]
        free[pick(pixel, blocked)] = False
    return free


class _Sky(NamedTuple):
    """Pixels as a light sees them, sorted by scene, by band of the direction's y, and by its x."""

    key: Tensor
    """``(m,)`` what they are sorted by."""
    way: Tensor
    """``(3, m)`` unit vectors from the light."""
    pixel: Tensor
    """``(m,)``."""


_BANDS = 16


def _sky(asked: Tensor, hits: Hits, toward: Tensor) -> _Sky:
    pixel = asked.nonzero()[:, 0]
    way, _ = _directions(pick(toward, pixel))
    key, order = _key(pick(hits.scene, pixel), _band(way[1]), way[0]).sort()
    return _Sky(key, pick(way, order), pick(pixel, order))


def _blockers(
    shapes: Shapes, casts: Tensor, asked: Tensor, hits: Hits, toward: Tensor, lights: Tensor
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """For each kind, pairs (shape, pixel) where the pixel lies in the cone from the light around the shape's ball."""
    sky = _sky(asked, hits, toward)
    for kind in (BOX, CYLINDER, ELLIPSOID):
        shape = (casts & (shapes.kind == kind)).nonzero()[:, 0]
        scene, half = pick(shapes.scene, shape), pick(shapes.half, shape)
        center, distance = _directions(pick(shapes.center, shape) - pick(lights, scene))
        sine = ((half.amax(0) if kind == ELLIPSOID else dot(half, half).sqrt()) / distance).clamp_max(1)
        cone, position = _in_rectangles(sky, scene, *_extent(center[:2], sine))
        cosine = torch.where(sine < 1, (1 - sine * sine).sqrt() - 1e-4, -2)
        close = (dot(pick(center, cone), pick(sky.way, position)) > pick(cosine, cone)).nonzero()[:, 0]
        yield kind, pick(shape, pick(cone, close)), pick(sky.pixel, pick(position, close))


def _in_rectangles(sky: _Sky, scene: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs (rectangle, position in the sky): directions of its scene between ``low`` and ``high``, both ``(2, p)``."""
    which, band = ragged(_band(low[1]), _band(high[1]) + 1)
    ends = (torch.searchsorted(sky.key, _key(pick(scene, which), band, pick(end[0], which))) for end in (low, high))
    line, position = ragged(*ends)
    return pick(which, line), position


def _key(scene: Tensor, band: Tensor, x: Tensor) -> Tensor:
    return 4 * (scene * _BANDS + band) + x.double()


def _directions(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Unit vectors and lengths."""
    length = dot(vectors, vectors).sqrt()
    return vectors / length, length


def _band(component: Tensor) -> Tensor:
    return ((component + 1) * (_BANDS / 2)).long().clamp(0, _BANDS - 1)


def _extent(center: Tensor, sine: Tensor) -> tuple[Tensor, Tensor]:
    """Least and greatest components of the unit vectors in cones: around ``center`` ``(2, p)``, ``sine`` wide."""
    cosine = (1 - sine * sine).sqrt()
    middle, spread = center * cosine, sine * (1 - center * center).clamp_min(0).sqrt() + 1e-4
    low = torch.where((sine == 1) | (-center >= cosine), -1.1, middle - spread)
    return low, torch.where((sine == 1) | (center >= cosine), 1.1, middle + spread)
