"""Normals from depth: exact on planes, near the truth on a ball, absent where there is no one surface."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mt_torchattacks.data._readers.normals import Intrinsics, normals_from_depth

CAMERA = Intrinsics(60.0, 62.0, 19.5, 14.5)
INNER = (slice(None), slice(3, -3), slice(3, -3))


def rays(height: int = 30, width: int = 40) -> Tensor:
    """The direction with z = 1 through each pixel, ``(3, H, W)``."""
    v, u = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    return torch.stack([(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy, torch.ones_like(u)])


def plane(normal: Tensor, distance: float) -> Tensor:
    """Depth of the plane at this distance from the camera whose normal faces it."""
    return (-distance / (normal[:, None, None] * rays()).sum(0, keepdim=True)).float()


@pytest.mark.parametrize("direction", [(0, 0, -1), (0.3, 0, -1), (0, -1, -1), (-0.5, 0.4, -0.7), (0.1, -0.95, -0.4)])
def test_a_plane_has_its_own_normal(direction: tuple[float, float, float]) -> None:
    normal = torch.nn.functional.normalize(torch.tensor(direction).double(), dim=0)
    depth = plane(normal, 2.5)
    depth = torch.where(depth > 0, depth, 0)
    found = normals_from_depth(depth, CAMERA)
    valid = found.any(dim=0)
    assert found.shape == (3, 30, 40) and found.dtype == torch.float32
    whole = torch.nn.functional.avg_pool2d((depth > 0).float(), 7, 1)[0] == 1
    assert torch.equal(valid[3:-3, 3:-3], whole) and whole.any()
    assert (found - normal[:, None, None])[:, valid].abs().max() < 2e-3


def test_a_ball_has_nearly_its_own_normals() -> None:
    centre, radius = torch.tensor([0.2, -0.1, 4.0]).double(), 2.0
    directions = rays()
    square, along = directions.square().sum(0), (directions * centre[:, None, None]).sum(0)
    discriminant = along**2 - square * (centre.square().sum() - radius**2)
    depth = torch.where(discriminant > 0, (along - discriminant.clamp_min(0).sqrt()) / square, 0)
    expected = torch.where(depth > 0, (directions * depth - centre[:, None, None]) / radius, 0)
    found = normals_from_depth(depth[None].float(), CAMERA).double()
    valid = found.any(dim=0)
    assert valid.float().mean() > 0.1
    angle = (found * expected).sum(0)[valid].clamp(-1, 1).acos().rad2deg()
    assert angle.median() < 1 and angle.max() < 12


def test_there_is_no_normal_across_an_edge() -> None:
    depth = torch.full((1, 30, 40), 2.0)
    depth[..., 20:] = 3.0
    valid = normals_from_depth(depth, CAMERA).any(dim=0)[3:-3, 3:-3]
    assert torch.equal(valid.all(dim=0), torch.tensor([True] * 14 + [False] * 6 + [True] * 14))


def test_there_is_no_normal_near_a_hole_or_the_border() -> None:
    depth = torch.full((1, 30, 40), 2.0)
    depth[0, 15, 20] = 0
    invalid = ~normals_from_depth(depth, CAMERA).any(dim=0)
    expected = torch.ones(30, 40, dtype=torch.bool)
    expected[3:-3, 3:-3] = False
    expected[12:19, 17:24] = True
    assert torch.equal(invalid, expected)


@pytest.mark.parametrize("size", [(6, 40), (30, 1)])
def test_an_image_smaller_than_the_window_has_none(size: tuple[int, int]) -> None:
    assert not normals_from_depth(torch.ones(1, *size), CAMERA).any()


def test_depth_without_a_channel_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"depth: expected shape \(1, H, W\), found \(30, 40\)"):
        normals_from_depth(torch.ones(30, 40), CAMERA)
