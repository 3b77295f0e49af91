"""Procedural textures in three dimensions: stripes, checks, noise, wood, marble, planks."""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks.data._rooms.geometry import pick

_SIDE = 16
_LATTICE = torch.rand(_SIDE, _SIDE, _SIDE, generator=torch.Generator().manual_seed(0)).flatten()
PATTERN, FIRST, SECOND, DIRECTION, SCALE, PHASE, GLOSS, EMISSION = (
    0, slice(1, 4), slice(4, 7), slice(7, 10), 10, 11, 12, 13,
)  # fmt: skip
"""Rows of the table of materials."""


def smooth_noise(point: Tensor) -> Tensor:
    """Value noise in [0, 1] with cells of size 1 at points ``(3, n)``: trilinear between random values."""
    cell = point.floor()
    part = point - cell
    part = part * part * (3 - 2 * part)
    low = cell.long() & (_SIDE - 1)
    high = (low + 1) & (_SIDE - 1)
    planes = []
    for x in (low[0] * _SIDE**2, high[0] * _SIDE**2):
        rows = [x + y for y in (low[1] * _SIDE, high[1] * _SIDE)]
        planes += [_between(pick(_LATTICE, row + low[2]), pick(_LATTICE, row + high[2]), part[2]) for row in rows]
    near, far = (_between(planes[i], planes[i + 1], part[1]) for i in (0, 2))
    return _between(near, far, part[0])


def _between(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    return first + share * (second - first)


def _wave(x: Tensor) -> Tensor:
    """A triangle wave in [0, 1] of period 1."""
    return 2 * (x - x.floor() - 0.5).abs()


def _random_of(cell: Tensor) -> Tensor:
    """A value in [0, 1] for each whole number."""
    return pick(_LATTICE, (cell.long() * 1237) & (_SIDE**3 - 1))


def _patterns(point: Tensor, direction: Tensor, phase: Tensor, noise: Tensor) -> list[Tensor]:
    """How much of the second colour each pattern shows at points given in units of the material's scale."""
    along = direction[0] * point[0] + direction[1] * point[1] + direction[2] * point[2] + phase
    cell = (point + 0.37 * phase).floor()
    wood = _wave(3 * along + 2.5 * noise)
    vein = _wave(along + 2 * noise)
    return [
        torch.zeros_like(along),
        (_wave(along) > 0.5).float(),
        (cell[0] + cell[1] + cell[2]) % 2,
        noise,
        0.7 * wood * wood,
        (1 - vein) * (1 - vein) * (1 - vein),
        torch.maximum(0.7 * _random_of(along.floor()), (_wave(along) > 0.94).float()),
    ]


def albedo(own: Tensor, material: Tensor, footprint: Tensor) -> Tensor:
    """Reflectance ``(3, n)`` at points of surfaces.

    Args:
        own: ``(3, n)`` points along their shape's own axes, metres.
        material: ``(14, n)`` one column of the table of materials for each point.
        footprint: ``(n,)`` width of a pixel on the surface in metres; finer detail fades to its mean.
    """
    scale, phase = material[SCALE], material[PHASE]
    point = own / scale
    stretched = torch.stack([point[0], point[1], 0.2 * point[2]]) + phase
    noise = 0.65 * smooth_noise(stretched) + 0.35 * smooth_noise(2.7 * stretched)
    amount = torch.zeros_like(scale)
    for index, pattern in enumerate(_patterns(point, material[DIRECTION], phase, noise)):
        amount = torch.where(material[PATTERN] == index, pattern, amount)
    keep = (0.5 * scale / footprint).clamp_max(1)
    amount = 0.5 + keep * (amount - 0.5)
    amount = torch.where(material[PATTERN] == 0, 0.0, amount)
    grime = 0.85 + 0.3 * noise
    return grime * (material[FIRST] + amount * (material[SECOND] - material[FIRST]))
