"""Joint augmentation: the image and all targets stay in register, and mean the same scene."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mt_torchattacks.data.augment import JointAugmentation, RandomMirror, crop, mirror, resize


def coordinates(height: int, width: int) -> tuple[Tensor, dict[str, Tensor]]:
    """An image whose first two channels are the pixel's position, and targets that say the same."""
    rows = torch.arange(height).float()[:, None].expand(height, width)
    columns = torch.arange(width).float().expand(height, width)
    image = torch.stack([rows / height, columns / width, torch.ones(height, width)])
    depth = (1 + rows * width + columns)[None]
    return image, {"depth": depth, "segmentation": (rows * width + columns).long() % 200, "normal": image.clone()}


def slow_nearest(target: Tensor, size: tuple[int, int]) -> Tensor:
    """Pixel (i, j) of the result is pixel (floor(i H / h), floor(j W / w))."""
    height, width = target.shape[-2:]
    rows = [[target[..., i * height // size[0], j * width // size[1]] for j in range(size[1])] for i in range(size[0])]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


@pytest.mark.parametrize("size", [(5, 7), (10, 14), (3, 11), (1, 1)])
def test_targets_are_resized_to_the_nearest_pixel(size: tuple[int, int]) -> None:
    image, targets = coordinates(7, 9)
    _, resized = resize(image, targets, size)
    for task, target in targets.items():
        assert torch.equal(resized[task], slow_nearest(target, size))
        assert resized[task].dtype == target.dtype


def test_an_image_of_one_colour_keeps_it() -> None:
    assert resize(torch.full((3, 5, 8), 0.3), {}, (9, 3))[0] == pytest.approx(0.3)


def test_a_mirrored_plane_has_the_mirrored_normal() -> None:
    """The normal of the mirrored depth map is the mirrored normal: its x component changes sign."""
    from mt_torchattacks.data._readers.normals import Intrinsics, normals_from_depth

    camera = Intrinsics(50.0, 50.0, 9.5, 9.5)
    depth = 3 + 0.05 * torch.arange(20.0).expand(1, 20, 20) + 0.02 * torch.arange(20.0)[:, None]
    normal = normals_from_depth(depth, camera)
    _, mirrored = mirror(torch.zeros(3, 20, 20), {"depth": depth, "normal": normal})
    assert torch.allclose(mirrored["normal"], normals_from_depth(mirrored["depth"], camera), atol=1e-6)
    assert normal[0, 10, 10].abs() > 0.1


def test_mirroring_twice_changes_nothing_and_no_input() -> None:
    image, targets = coordinates(4, 5)
    before = targets["normal"].clone()
    twice_image, twice = mirror(*mirror(image, targets))
    assert torch.equal(twice_image, image) and torch.equal(targets["normal"], before)
    assert all(torch.equal(twice[task], targets[task]) for task in targets)


@pytest.mark.parametrize("size", [(3, 4), (8, 9), (4, 13), (11, 12)])
def test_a_crop_is_a_window_of_the_padded_image(size: tuple[int, int]) -> None:
    image, targets = coordinates(6, 9)
    window, parts = crop(image, targets, size, (0.7, 0.2))
    assert window.shape == (3, *size)
    inside = window[2] == 1
    assert inside.sum() == min(size[0], 6) * min(size[1], 9)
    assert torch.equal(parts["depth"][0] > 0, inside)
    assert torch.equal(parts["segmentation"] == 255, ~inside)
    assert not parts["normal"][:, ~inside].any() and not window[:, ~inside].any()
    position = (window[0] * 6 * 9 + window[1] * 9)[inside]
    assert parts["depth"][0][inside] - 1 == pytest.approx(position, abs=1e-3)


def test_every_place_of_a_crop_is_as_likely() -> None:
    image, targets = coordinates(1, 4)
    shares = torch.linspace(0, 1, 301)[:-1]
    lefts = [int(crop(image, targets, (1, 2), (0.0, float(share)))[1]["depth"][0, 0, 0]) - 1 for share in shares]
    assert torch.bincount(torch.tensor(lefts)).tolist() == [100, 100, 100]
    assert crop(image, targets, (1, 2), (1.0, 1.0))[1]["depth"].tolist() == [[[3, 4]]]


def test_image_and_targets_stay_in_register() -> None:
    image, targets = coordinates(40, 60)
    for seed in range(20):
        augment = JointAugmentation((32, 48), powers={}, generator=torch.Generator().manual_seed(seed))
        window, parts = augment(image, targets)
        inside = parts["depth"][0] > 0
        index = parts["depth"][0][inside] - 1
        where = window[:2, inside]
        assert parts["segmentation"][inside].tolist() == (index.long() % 200).tolist()
        assert (where[0] - (index // 60) / 40).abs().max() < 0.05
        assert (where[1] - index % 60 / 60).abs().max() < 0.05


@pytest.mark.parametrize(
    ("powers", "factor"), [({"depth": -1}, 1 / 1.5), ({}, 1.0), ({"depth": 1.0, "other": 1.0}, 1.5), (None, 1 / 1.5)]
)
def test_depth_follows_the_scale_as_asked(powers: dict[str, float] | None, factor: float) -> None:
    given = {} if powers is None else {"powers": powers}
    augment = JointAugmentation(8, scale=(1.5, 1.5), **given)
    _, targets = augment(torch.rand(3, 20, 20), {"depth": torch.full((1, 20, 20), 3.0)})
    assert targets["depth"] == pytest.approx(3 * factor)


def test_scales_and_mirrors_are_spread_as_documented() -> None:
    image = torch.linspace(0, 1, 10).expand(3, 10, 10).contiguous()
    augment = JointAugmentation(10, powers={"depth": 1}, generator=torch.Generator().manual_seed(0))
    scales, mirrored = [], 0
    for _ in range(400):
        _, targets = augment(image, {"depth": torch.ones(1, 10, 10), "normal": torch.ones(3, 10, 10)})
        scales.append(float(targets["depth"].max()))
        mirrored += int(targets["normal"][0].min() < 0)
    assert 0.5 <= min(scales) < 0.52 and 1.48 < max(scales) <= 1.5
    assert abs(sum(scales) / 400 - 1) < 0.05 and abs(mirrored / 400 - 0.5) < 0.08


def test_the_generator_decides_and_nothing_else() -> None:
    image, targets = coordinates(12, 12)
    state = torch.random.get_rng_state()
    one, other = (
        JointAugmentation(8, generator=torch.Generator().manual_seed(3))(image, targets)[1]["depth"] for _ in range(2)
    )
    assert torch.equal(one, other)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("size", [0, (3,), (3, 4, 5), (3, -1)])
def test_a_bad_size_is_an_error(size: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="size: expected"):
        JointAugmentation(size)  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [(0, 1), (1.5, 0.5), (-1, 1)])
def test_a_bad_scale_is_an_error(scale: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="scale: expected"):
        JointAugmentation(8, scale=scale)


def test_half_of_the_samples_are_mirrored_and_the_others_untouched() -> None:
    image, targets = coordinates(4, 5)
    augment, changed = RandomMirror(torch.Generator().manual_seed(0)), 0
    expected_image, expected = mirror(image, targets)
    for _ in range(64):
        found_image, found = augment(image, targets)
        changed += torch.equal(found_image, expected_image)
        mirrored = torch.equal(found_image, expected_image)
        assert torch.equal(found_image, expected_image if mirrored else image)
        assert all(torch.equal(found[task], (expected if mirrored else targets)[task]) for task in targets)
    assert 16 < changed < 48


@pytest.mark.parametrize("augment", [RandomMirror(), JointAugmentation((3, 3))])
def test_given_numbers_decide(augment: RandomMirror) -> None:
    """The same numbers as the generator draws give the same result, and nothing is drawn."""
    image, targets = coordinates(8, 9)
    numbers = torch.rand(augment.numbers, generator=torch.Generator().manual_seed(5))
    augment.generator = torch.Generator().manual_seed(5)
    drawn_image, drawn = augment(image, targets)
    augment.generator, before = None, torch.get_rng_state()
    found_image, found = augment(image, targets, numbers)
    assert torch.equal(found_image, drawn_image)
    assert all(torch.equal(found[task], drawn[task]) for task in targets)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_coin_below_one_half_mirrors() -> None:
    image, targets = coordinates(2, 3)
    assert torch.equal(RandomMirror()(image, targets, torch.tensor([0.49]))[0], image.flip(-1))
    assert torch.equal(RandomMirror()(image, targets, torch.tensor([0.5]))[0], image)
