"""Shadows, textures and the camera's faults."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mt_torchattacks.data import Rooms
from mt_torchattacks.data._rooms.materials import PATTERNS, Drawing
from mt_torchattacks.data._rooms.raycast import cast
from mt_torchattacks.data._rooms.shadows import lit
from mt_torchattacks.data._rooms.textures import albedo, smooth_noise
from tests.unit.data import reference

SIZE = (24, 32)


def test_shadows_agree_with_the_slow_ray_caster() -> None:
    scenes = 8
    batch = reference.batch(range(scenes), SIZE)
    hits = cast(batch.shapes, batch.cameras, *SIZE)
    lamps = batch.lighting.lamps[0][:3]
    free = lit(batch.shapes, batch.casts, hits, torch.ones_like(hits.z, dtype=torch.bool), lamps).view(scenes, -1)
    points = hits.point.view(3, scenes, -1).double().numpy()
    for scene in range(scenes):
        origin = lamps[:, scene].double().numpy()
        casters = (batch.casts & (batch.shapes.scene == scene)).nonzero()[:, 0].tolist()
        way = points[:, scene].T - origin
        first, _ = reference.nearest([reference.enter(batch.shapes, i, origin, way) for i in casters])
        expected = first > 0.998
        assert (expected == free[scene].numpy()).mean() > 0.995  # the others' rays graze an edge
        assert not expected.all()


def test_pixels_not_asked_for_count_as_lit() -> None:
    batch = reference.batch(range(1), SIZE)
    hits = cast(batch.shapes, batch.cameras, *SIZE)
    asked = torch.zeros_like(hits.z, dtype=torch.bool)
    assert lit(batch.shapes, batch.casts, hits, asked, batch.lighting.lamps[0][:3]).all()


def test_noise_is_smooth_and_runs_through_the_lattice() -> None:
    point = torch.rand(3, 1000) * 40 - 20
    values = smooth_noise(point)
    assert 0 <= values.min() < 0.2
    assert 0.8 < values.max() <= 1
    step = smooth_noise(point + 1e-3)
    assert (step - values).abs().max() < 1e-2
    torch.testing.assert_close(smooth_noise(point + 16), values, rtol=0, atol=1e-4)


def materials(count: int) -> Tensor:
    """Many random materials, as columns."""
    drawing = Drawing(np.random.default_rng(0))  # only ``random()`` is used
    for _ in range(count):
        drawing.paint()
    return torch.tensor(drawing.materials).T.float()


@pytest.mark.parametrize("pattern", range(len(PATTERNS)))
def test_textures_lie_between_their_two_colours(pattern: int) -> None:
    material = materials(4000)
    material = material[:, material[0] == pattern]
    own = torch.rand(3, material.shape[1]) * 4 - 2
    colour = albedo(own, material, torch.full_like(own[0], 1e-3))
    low, high = torch.minimum(material[1:4], material[4:7]), torch.maximum(material[1:4], material[4:7])
    assert ((colour > 0.85 * low - 1e-4) & (colour < 1.15 * high + 1e-4)).all()
    if pattern == 0:
        assert (colour / material[1:4] - 1).abs().max() < 0.16
    else:
        assert ((colour - material[1:4]) / (material[4:7] - material[1:4])).std() > 0.1


def test_detail_finer_than_a_pixel_fades() -> None:
    material = materials(4000)
    material = material[:, material[0] == PATTERNS.index("checks")]
    own = torch.rand(3, material.shape[1])
    colour = albedo(own, material, torch.full_like(own[0], 1e4))
    mean = (material[1:4] + material[4:7]) / 2
    assert (colour / mean - 1).abs().max() < 0.16


def test_images_have_eight_bits_and_are_exposed() -> None:
    images, _ = Rooms(24, 32, tasks=()).render(range(24))
    levels = images * 255
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)
    brightness = images.mean((1, 2, 3))
    assert brightness.min() > 0.15
    assert brightness.max() < 0.75
    assert brightness.std() > 0.03  # varied exposure
    assert ((images == 1).float().mean((1, 2, 3)) < 0.6).all()
