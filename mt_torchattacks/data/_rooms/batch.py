"""From composed scenes to the tensors of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mt_torchattacks.data._rooms.geometry import Cameras, Shapes
from mt_torchattacks.data._rooms.scene import Scene
from mt_torchattacks.data._rooms.shading import Lighting

_MASK = 2**64 - 1


class Batch(NamedTuple):
    """What is needed to render ``B`` scenes."""

    shapes: Shapes
    casts: Tensor
    """``(P,)`` bool: the shape casts a shadow."""
    materials: Tensor
    """``(14, M)``."""
    cameras: Cameras
    lighting: Lighting
    noise: Tensor
    """``(B, 3, H, W)`` standard normal."""


def scene_key(seed: int, index: int) -> int:
    """A 64-bit key for one scene of one seed (Steele et al., 2014, SplitMix64, once for each number)."""
    key = 0
    for number in (seed, index):
        key = (key ^ (number & _MASK)) + 0x9E3779B97F4A7C15 & _MASK
        key = (key ^ key >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        key = (key ^ key >> 27) * 0x94D049BB133111EB & _MASK
        key ^= key >> 31
    return key


def collate(scenes: list[Scene], keys: list[int], size: tuple[int, int]) -> Batch:
    """Join scenes into one batch of tensors."""
    shapes, casts, materials = _shapes(scenes)
    longer = max(size)
    slopes = [math.tan(scene.view / 2) * 2 / longer for scene in scenes]
    axes = _columns([[number for axis in scene.axes for number in axis] for scene in scenes])
    cameras = Cameras(_columns([scene.position for scene in scenes]), axes.view(3, 3, -1), torch.tensor(slopes))
    sensor = _columns([scene.sensor for scene in scenes])
    lamps = torch.stack([_columns(list(row)) for row in zip(*(scene.lamps for scene in scenes), strict=True)])
    lighting = Lighting(lamps, sensor[:3], sensor[3:], _columns([scene.size for scene in scenes]))
    return Batch(shapes, casts, materials, cameras, lighting, torch.stack([_noise(key, size) for key in keys]))


def _shapes(scenes: list[Scene]) -> tuple[Shapes, Tensor, Tensor]:
    rows = _columns([row for scene in scenes for row in scene.drawing.shapes])
    counts = torch.tensor([len(scene.drawing.shapes) for scene in scenes])
    palette = torch.tensor([len(scene.drawing.materials) for scene in scenes])
    index = torch.repeat_interleave(torch.arange(len(scenes)), counts)
    kind, label, material = rows[:3].long()
    material = material + (palette.cumsum(0) - palette)[index]
    shapes = Shapes(index, kind, label, material, rows[4:7], rows[7:16].view(3, 3, -1), rows[16:19])
    return shapes, rows[3] > 0, _columns([row for scene in scenes for row in scene.drawing.materials])


def _columns(rows: Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32).T.contiguous()


def _noise(key: int, size: tuple[int, int]) -> Tensor:
    return torch.randn(3, *size, generator=torch.Generator().manual_seed(key >> 1))
