"""Half types: what is returned is rounded towards the clean image, so that it is within the radius."""

from __future__ import annotations

import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.attacks.host.rounding import rounded
from tests import toys
from tests.attack_cases import ALL, EPS, TRAITS, make

HALF = [torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize("name", ALL)
def test_no_attack_leaves_the_ball(name: str, dtype: torch.dtype) -> None:
    images, targets = toys.batch()
    images = images.to(dtype)
    found = make(name, toys.Toy().to(dtype))(images, targets)
    assert found.dtype == dtype
    delta = (found.double() - images.double()).flatten(1)
    norm = delta.norm(dim=1) if TRAITS[name].norm == "L2" else delta.abs().amax(dim=1)
    assert float(norm.max()) <= (1.0 if TRAITS[name].norm == "L2" else EPS) + 1e-6
    assert float(norm.min()) > 0.5 * (1.0 if TRAITS[name].norm == "L2" else EPS) * (name != "SPSA")
    assert found.min() >= 0
    assert found.max() <= 1


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_rounding_towards_the_clean_image_is_to_the_nearest_value_on_its_side(dtype: torch.dtype) -> None:
    clean = torch.cat([torch.randn(2000), torch.rand(2000), torch.zeros(2)]).to(dtype)
    exact = clean.float() + torch.cat([torch.randn(4000) * 0.03, torch.tensor([1e-3, -1e-3])])
    found = rounded(exact, clean).float()
    assert bool(((found - clean.float()).abs() <= (exact - clean.float()).abs()).all())
    assert bool(((found - clean.float()) * (exact - clean.float()) >= 0).all())
    spacing = torch.finfo(dtype).eps * exact.abs()
    assert bool(((found - exact).abs() <= spacing * 1.01).all())
    assert torch.equal(rounded(clean.float(), clean), clean)


def test_other_types_are_left_alone() -> None:
    exact = torch.rand(3, 4)
    assert rounded(exact, exact * 0) is exact
    assert torch.equal(rounded(exact, exact.double()), exact.double())


def test_normalized_images_in_half_precision() -> None:
    images, targets = toys.batch()
    mean, std = torch.full((1, 3, 1, 1), 0.5), torch.full((1, 3, 1, 1), 0.25)
    normalized = ((images - mean) / std).bfloat16()
    attack = mta.BIM(toys.Toy().bfloat16(), toys.tasks(), eps=EPS, steps=3)
    attack.set_normalization_used([0.5] * 3, [0.25] * 3)
    found = attack(normalized, targets)
    exact = (found.double() - normalized.double()) * std
    assert float(exact.abs().max()) <= EPS + 1e-6
