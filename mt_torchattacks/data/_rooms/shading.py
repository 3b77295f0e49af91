"""From what the pixels see to the image: lamps with hard shadows, ambient light, and a camera with its faults."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mt_torchattacks.data._rooms.geometry import Cameras, Shapes, combine, dot, pick
from mt_torchattacks.data._rooms.raycast import Hits
from mt_torchattacks.data._rooms.shadows import lit
from mt_torchattacks.data._rooms.textures import EMISSION, GLOSS, albedo


class Lighting(NamedTuple):
    """Light and sensor of ``B`` scenes."""

    lamps: Tensor
    """``(L, 6, B)``: position, power in red, green and blue (0 = dark)."""
    ambient: Tensor
    """``(3, B)``."""
    sensor: Tensor
    """``(5, B)``: mean brightness, shot noise, read noise, blur, vignetting."""
    room: Tensor
    """``(3, B)``: length, width, height."""


def render(
    hits: Hits, shapes: Shapes, casts: Tensor, materials: Tensor, cameras: Cameras, lighting: Lighting,
    noise: Tensor,
) -> Tensor:  # fmt: skip
    """Images ``(B, 3, H, W)`` in [0, 1], in steps of 1/255; ``noise`` is standard normal, of the same shape."""
    axes = pick(cameras.axes, hits.scene)
    normal, ray = combine(hits.normal, axes), combine(hits.ray, axes)
    ray = ray / dot(ray, ray).sqrt()
    material = pick(materials, pick(shapes.material, hits.shape))
    facing = (-dot(normal, ray)).clamp_min(0.1)
    colour = albedo(hits.own, material, hits.z * pick(cameras.slope, hits.scene) / facing)
    direct, shine = _lamps(hits, shapes, casts, lighting, normal, ray)
    ambient = pick(lighting.ambient, hits.scene) * _openness(hits, lighting.room) * (0.8 + 0.2 * normal[2])
    light = colour * (direct + ambient + material[EMISSION]) + material[GLOSS] * shine
    scenes, height, width = noise.shape[0], noise.shape[2], noise.shape[3]
    return _expose(light.view(3, scenes, height, width).transpose(0, 1), lighting.sensor, noise)


def _lamps(
    hits: Hits, shapes: Shapes, casts: Tensor, lighting: Lighting, normal: Tensor, ray: Tensor
) -> tuple[Tensor, Tensor]:
    """Light ``(3, n)`` that falls on the surfaces, and what a polished one mirrors."""
    direct, shine = torch.zeros_like(normal), torch.zeros_like(normal)
    mirrored = ray - 2 * dot(ray, normal) * normal
    for lamp in lighting.lamps:
        power = pick(lamp[3:], hits.scene)
        way = pick(lamp[:3], hits.scene) - hits.point
        squared = dot(way, way)
        way = way / squared.sqrt()
        slant = dot(normal, way).clamp_min(0)
        free = lit(shapes, casts, hits, slant * power[1] > 0, lamp[:3])
        power = power * (free / (0.3 + 0.3 * squared))
        direct = direct + power * slant
        glint = dot(mirrored, way).clamp_min(0)
        for _ in range(4):
            glint = glint * glint
        shine = shine + power * glint
    return direct, shine


def _openness(hits: Hits, room: Tensor) -> Tensor:
    """How much of the ambient light reaches a point: less in the room's corners."""
    half = pick(room, hits.scene) / 2
    x, y, z = hits.point
    open_part = torch.ones_like(z)
    for distance in (half[0] - x, half[0] + x, half[1] - y, half[1] + y, z, 2 * half[2] - z):
        close = 0.3 / (0.3 + distance.clamp_min(0))
        open_part = open_part * (1 - 0.35 * close * close)
    return open_part


def _expose(light: Tensor, sensor: Tensor, noise: Tensor) -> Tensor:
    brightness, shot, read, blur, vignetting = sensor[:, :, None, None, None]
    light = _blurred(light, blur) * (1 - vignetting * _off_axis(*light.shape[2:]))
    # The mean of whole numbers is the same in whatever order they are summed.
    total = (light.clamp_max(4) * 65536).long().flatten(1).sum(1)
    mean = total.view(-1, 1, 1, 1).float() / (65536 * light[0].numel())
    light = light * brightness / mean
    light = light + (shot * light.sqrt() + read) * noise
    return (light.clamp(0, 1).sqrt() * 255).round() / 255


def _blurred(image: Tensor, share: Tensor) -> Tensor:
    """Each pixel gives this share of its light to each of its neighbours, along rows and then columns."""
    for dim in (2, 3):
        first, last = image.narrow(dim, 0, 1), image.narrow(dim, -1, 1)
        before = torch.cat([first, image.narrow(dim, 0, image.shape[dim] - 1)], dim)
        after = torch.cat([image.narrow(dim, 1, image.shape[dim] - 1), last], dim)
        image = (1 - 2 * share) * image + share * (before + after)
    return image


def _off_axis(height: int, width: int) -> Tensor:
    """Squared distance from the centre, 1 in the corners, ``(H, W)``."""
    down = (torch.arange(height) + 0.5) / height * 2 - 1
    across = (torch.arange(width) + 0.5) / width * 2 - 1
    return (down * down)[:, None] / 2 + (across * across) / 2
