"""A patch anywhere in an image: where it lies, what counts, and the best patch of a linear model."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta

FIXED: dict[str, Any] = {"rotation": 0, "brightness": 0}


class Everywhere(nn.Module):
    """Each pixel's depth is the same number, linear in the image; the label's scores are too."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        found = (x * self.weight).flatten(1).sum(dim=1)
        depth = found.view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
        return {"depth": depth, "label": torch.stack([found, -found], dim=1)}


class Pixelwise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"depth": self.scale * x.mean(dim=1, keepdim=True)}


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def of_values(attack: mta.AdversarialPatch, values: Tensor) -> mta.AdversarialPatch:
    """The attack as if it had been fitted to these values."""
    attack._fitted = values
    return attack


def test_it_lies_where_it_is_told_pixel_by_pixel() -> None:
    patch = rand(3, 4, 4)
    attack = mta.AdversarialPatch(
        Pixelwise(), mta.Tasks(depth=mta.losses.L1()), size=4, scale=(0.5, 0.5), location=(0.5, 3 / 12), **FIXED
    )
    images = rand(2, 3, 8, 12, seed=1)
    found, covered = of_values(attack, patch)(images), attack.covered(images)
    expected = images.clone()
    expected[:, :, 2:6, 1:5] = patch
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert covered.sum() == 2 * 16 and bool(covered[:, 2:6, 1:5].all())


def test_turned_scaled_and_anywhere() -> None:
    """Of a white square with one black quarter: its area, its middle within the image, and where the quarter is."""
    patch = torch.ones(1, 16, 16)
    patch[:, :8, :8] = 0
    attack = mta.AdversarialPatch(
        Pixelwise(), mta.Tasks(depth=mta.losses.L1()), size=16, scale=(0.3, 0.5), rotation=25, brightness=0
    )
    images = 0.5 + 0.01 * rand(60, 1, 64, 80)
    found, covered = of_values(attack, patch)(images), attack.covered(images)
    areas = covered.flatten(1).sum(dim=1).sqrt() / 64
    assert float(areas.min()) > 0.28 and float(areas.max()) < 0.52 and float(areas.std()) > 0.03
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(80.0), indexing="ij")
    middles, angles = [], []
    for image, mask in zip(found, covered, strict=True):
        black = mask & (image[0] < 0.25)
        assert 0.2 < float(black.sum() / mask.sum()) < 0.3
        middle = torch.stack([rows[mask].mean(), columns[mask].mean()])
        of_black = torch.stack([rows[black].mean(), columns[black].mean()])
        up, left = (middle - of_black).tolist()
        angles.append(math.degrees(math.atan2(up, left)) - 45)
        middles.append(middle)
        assert torch.equal(image[0][~mask], images[len(middles) - 1, 0][~mask])
    spread = torch.stack(middles).std(dim=0)
    assert float(spread.min()) > 8  # all over the image
    assert max(map(abs, angles)) < 27 and min(angles) < -12 and max(angles) > 12


def test_the_same_for_an_image_wherever_it_stands() -> None:
    attack = of_values(mta.AdversarialPatch(Pixelwise(), mta.Tasks(depth=mta.losses.L1()), size=4), rand(3, 4, 4))
    images = rand(4, 3, 16, 16, seed=2)
    assert torch.equal(attack(images)[2:3], attack(images[2:3])) and torch.equal(attack(images), attack(images))
    again = of_values(
        mta.AdversarialPatch(Pixelwise(), mta.Tasks(depth=mta.losses.L1()), size=4, seed=1), rand(3, 4, 4)
    )
    assert not torch.equal(attack(images), again(images))


def test_the_best_patch_of_a_linear_model() -> None:
    """The depth rises with ``<w, x>``: white where w > 0, black where w < 0."""
    weight = rand(3, 8, 8) - 0.5
    tasks = mta.Tasks(depth=mta.losses.L1(), label=mta.losses.CrossEntropy())
    images = rand(4, 3, 8, 8, seed=1)
    targets = {"depth": torch.full((4, 1, 8, 8), -50.0), "label": torch.ones(4, dtype=torch.long)}
    attack = mta.AdversarialPatch(
        Everywhere(weight), tasks, "total", size=4, scale=(0.5, 0.5), location=(0.5, 0.5), epochs=30, **FIXED
    )
    found = attack.fit([(images, targets)]).patch
    torch.testing.assert_close(found, (weight[:, 2:6, 2:6] > 0).float(), atol=1e-6, rtol=0)


def test_what_it_covers_does_not_count() -> None:
    """Where each pixel is predicted from itself alone, a patch harms no other one: it stays as it began."""
    images = rand(2, 3, 8, 8)
    attack = mta.AdversarialPatch(Pixelwise(), mta.Tasks(depth=mta.losses.L1()), size=4, epochs=3)
    assert torch.equal(attack.fit([(images, {"depth": torch.zeros(2, 1, 8, 8)})]).patch, torch.full((3, 4, 4), 0.5))


LOSSES = {
    "l1": (mta.losses.L1(), lambda: rand(2, 1, 6, 6), lambda: rand(2, 1, 6, 6, seed=1)),
    "positive": (mta.losses.L1(valid=mta.losses.positive), lambda: rand(2, 1, 6, 6), lambda: rand(2, 1, 6, 6).round()),
    "normals": (
        mta.losses.CosineDistance(valid=mta.losses.nonzero), lambda: rand(2, 3, 6, 6), lambda: rand(2, 3, 6, 6, seed=1)
    ),
    "labels": (
        mta.losses.CrossEntropy(ignore_index=3), lambda: rand(2, 4, 6, 6), lambda: (4 * rand(2, 6, 6)).long()
    ),
    "cos": (
        mta.losses.CosPGD(mta.losses.CrossEntropy(ignore_index=3)),
        lambda: rand(2, 4, 6, 6),
        lambda: (4 * rand(2, 6, 6)).long(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale", [1, 2])
def test_losses_without_pixels(name: str, scale: int) -> None:
    """Rows that do not count may as well not be there; the mask may be of another size than the target."""
    loss, output, target = LOSSES[name]
    covered = torch.zeros(2, 6, 6, dtype=torch.bool)
    covered[0, :2], covered[1, :4] = True, True
    covered = covered.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    found = loss.without(covered)(output(), target())
    for i, rows in enumerate((slice(2, None), slice(4, None))):
        expected = loss(output()[i : i + 1, ..., rows, :], target()[i : i + 1, ..., rows, :])
        torch.testing.assert_close(found[i : i + 1], expected)
    assert loss.without(covered)(output().fill_(0.5), target()).shape == (2,)


def test_a_target_without_pixels_stays() -> None:
    tasks = mta.Tasks(label=mta.losses.CrossEntropy()).without(torch.ones(2, 4, 4, dtype=torch.bool))
    scores, labels = {"label": rand(2, 3)}, {"label": torch.tensor([0, 1])}
    assert torch.equal(
        tasks.losses(scores, labels)["label"], mta.losses.CrossEntropy()(scores["label"], labels["label"])
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size: expected a number > 0, found 0"),
        ({"scale": (0.5, 0.2)}, r"scale: expected \(smallest, largest\), two numbers in \(0, 1\], found \(0.5, 0.2\)"),
        ({"scale": 0.5}, "scale: expected"),
        ({"rotation": -1}, "rotation: expected degrees >= 0, found -1"),
        ({"brightness": 2}, r"brightness: expected a share in \[0, 1\], found 2"),
        ({"location": (3, 4)}, r"location: expected \(row, column\), two shares in \[0, 1\], or None, found \(3, 4\)"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mta.AdversarialPatch(Pixelwise(), mta.Tasks(depth=mta.losses.L1()), **arguments)


def test_bad_calls() -> None:
    own = mta.AdversarialPatch(Pixelwise(), mta.Tasks(depth=lambda o, t: (o - t).abs().flatten(1).mean(1)), size=4)
    with pytest.raises(
        TypeError, match=r"tasks\['depth'\]: expected a loss of mt_torchattacks.losses, which can leave"
    ):
        own.fit([(rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)})])
    attack = of_values(mta.AdversarialPatch(Pixelwise(), mta.Tasks(depth=mta.losses.L1()), size=4), rand(3, 4, 4))
    with pytest.raises(ValueError, match=r"images: expected images \(N, 3, H, W\), found images \(N, 1, 8, 8\)"):
        attack(rand(2, 1, 8, 8))
