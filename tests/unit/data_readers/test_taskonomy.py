"""Tiny-Taskonomy: the unit of each target, the folders, the class weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mt_torchattacks.data.class_weights import class_pixels, prior_factor
from mt_torchattacks.data.taskonomy import BUILDINGS, TinyTaskonomy
from mt_torchattacks.tasks.losses import CrossEntropy
from tests.data_factories import FACTORIES, Items, npy, png, taskonomy_files


@pytest.fixture
def read(items: Items, tmp_path: Path) -> TinyTaskonomy:
    FACTORIES["tiny_taskonomy/folders"](tmp_path, items)
    return TinyTaskonomy(tmp_path, tasks=TinyTaskonomy.TASKS)


@pytest.mark.parametrize(
    ("task", "stored", "expected"),
    [
        ("depth", [0, 1, 512, 64499, 64500, 65535], [0, 1 / 512, 1, 64499 / 512, 0, 0]),
        ("depth_euclidean", [0, 1, 512, 64499, 64500, 65535], [0, 1 / 512, 1, 64499 / 512, 0, 0]),
        ("keypoints2d", [0, 164, 327, 328, 65535], [0, 164 / 327.68, 327 / 327.68, 1, 1]),
        ("edge_texture", [0, 2621, 5242, 5243], [0, 2621 / 5242.88, 5242 / 5242.88, 1]),
        ("edge_occlusion", [0, 205, 410], [0, 205 / 409.6, 1]),
        ("keypoints3d", [0, 32768, 65535], [0, 0.5, 65535 / 65536]),
    ],
)
def test_the_unit_of_each_16_bit_target(
    task: str, stored: list[int], expected: list[float], read: TinyTaskonomy
) -> None:
    pixels = np.zeros((9, 12), np.uint16)
    pixels[3, : len(stored)] = stored
    png(read.file(0, task), pixels)
    assert read[0][1][task][0, 3, : len(stored)].tolist() == pytest.approx(expected, abs=1e-6)


def test_the_unit_of_the_8_bit_targets(read: TinyTaskonomy) -> None:
    pixels = np.full((9, 12, 3), 127, np.uint8)
    pixels[2, 2] = (255, 0, 9)
    png(read.file(0, "principal_curvature"), pixels)
    png(read.file(0, "reshading"), pixels)
    targets = read[0][1]
    assert targets["principal_curvature"][:, 2, 2].tolist() == pytest.approx([1, -127 / 128], abs=1e-6)
    assert targets["principal_curvature"][:, 0, 0].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert targets["reshading"][0, 2, 2] == pytest.approx(264 / 3 / 255, abs=1e-6)


def test_classes_start_at_one_and_zero_is_uncertain(read: TinyTaskonomy) -> None:
    pixels = np.arange(108, dtype=np.uint8).reshape(9, 12) % 18
    png(read.file(0, "segmentation"), pixels)
    found = read[0][1]["segmentation"].flatten()[:18]
    assert found.tolist() == [255, *range(17)]
    png(read.file(0, "segmentation"), pixels + 1)
    with pytest.raises(ValueError, match=r"segmentsemantic\.png: expected labels among 0-17, found 18"):
        read[0]


def test_there_is_no_normal_without_depth(read: TinyTaskonomy) -> None:
    depth = np.full((9, 12), 512, np.uint16)
    depth[4, 5] = 65535
    png(read.file(0, "depth"), depth)
    png(read.file(0, "normal"), np.full((9, 12, 3), (127, 127, 255), np.uint8))
    assert torch.equal(read[0][1]["normal"].any(dim=0), read[0][1]["depth"][0] > 0)
    png(read.file(0, "depth"), depth[:, 1:])
    with pytest.raises(ValueError, match=r"domain_normal\.png: expected the depth's size"):
        read.read(0, "normal")


def test_the_split_of_the_buildings() -> None:
    names = [name for names in BUILDINGS.values() for name in names]
    assert {split: len(names) for split, names in BUILDINGS.items()} == {"train": 25, "val": 5, "test": 5}
    assert len(set(names)) == 35


@pytest.mark.parametrize(
    "pattern", ["{domain}/ihlen", "{domain}/taskonomy/ihlen", "ihlen/{domain}", "test/ihlen/{domain}"]
)
def test_each_order_of_the_folders(pattern: str, items: Items, tmp_path: Path) -> None:
    taskonomy_files(tmp_path, pattern, 7, *items[0])
    taskonomy_files(tmp_path, pattern.replace("ihlen", "allensville"), 8, *items[1])
    read = TinyTaskonomy(tmp_path, "test", tasks=["segmentation", "reshading"])
    assert len(read) == 1
    assert torch.equal(read[0][1]["segmentation"], items[0][1]["segmentation"])
    assert read.file(0, "reshading").name == "point_7_view_0_domain_reshading.png"


def test_missing_images_are_explained(tmp_path: Path) -> None:
    (tmp_path / "cauthron").mkdir()
    with pytest.raises(FileNotFoundError, match=r"taskonomy\.json or images .*collierville.* found 'cauthron'"):
        TinyTaskonomy(tmp_path, "val")
    with pytest.raises(ValueError, match="split: expected one of 'train', 'val', 'test', found 'tiny'"):
        TinyTaskonomy(tmp_path, "tiny")


def test_an_index_may_start_at_the_root_or_at_the_split(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["tiny_taskonomy/index"](tmp_path, items)
    before = read[1][1]
    (tmp_path / "train" / "allensville").rename(tmp_path / "allensville")
    after = TinyTaskonomy(tmp_path)[1][1]
    assert all(torch.equal(after[task], before[task]) for task in before)


def test_an_index_lists_six_files_and_the_others_are_found(items: Items, tmp_path: Path) -> None:
    FACTORIES["tiny_taskonomy/index"](tmp_path, items)
    read = TinyTaskonomy(tmp_path, tasks=["keypoints3d"])
    assert read[0][1]["keypoints3d"].shape == (1, 9, 12)


def test_class_weights_are_read_and_checked(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["tiny_taskonomy/index"](tmp_path, items)
    assert isinstance(read, TinyTaskonomy)
    assert read.class_weights().tolist() == pytest.approx(np.linspace(0.5, 2, 17).tolist())
    npy(tmp_path / "semseg_prior_factor.npy", np.ones(18))
    with pytest.raises(ValueError, match=r"prior_factor\.npy: expected 17 finite weights >= 0, found 18 numbers"):
        read.class_weights()
    npy(tmp_path / "semseg_prior_factor.npy", np.array([np.inf, *np.ones(16)]))
    with pytest.raises(ValueError, match=r"semseg_prior_factor\.npy: expected 17 finite weights >= 0"):
        read.class_weights()
    (tmp_path / "semseg_prior_factor.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"semseg_prior_factor\.npy"):
        read.class_weights()


def test_class_weights_weigh_the_cross_entropy(items: Items, tmp_path: Path) -> None:
    """The loss is the mean over the pixels that count, each weighted as its class, as torch has it for a batch."""
    read = FACTORIES["tiny_taskonomy/index"](tmp_path, items)
    assert isinstance(read, TinyTaskonomy)
    weights, labels = read.class_weights(), read[0][1]["segmentation"][None]
    scores = torch.randn(1, 17, *labels.shape[1:])
    loss = CrossEntropy(ignore_index=255, weight=weights)(scores, labels)
    picked = scores.log_softmax(dim=1).movedim(1, -1)[labels != 255]
    wanted = weights[labels[labels != 255]]
    expected = -(wanted * picked[torch.arange(len(picked)), labels[labels != 255]]).sum() / wanted.sum()
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    assert float(loss) != pytest.approx(float(CrossEntropy(ignore_index=255)(scores, labels)), rel=1e-3)


def test_class_pixels_are_counted(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["tiny_taskonomy/folders"](tmp_path, items, tasks=["segmentation"])
    labels = torch.stack([targets["segmentation"] for _, targets in items])
    counts = class_pixels(read, 17)
    assert counts.tolist() == [int((labels == label).sum()) for label in range(17)]
    assert counts.sum() == labels.numel() - 2  # one pixel an item does not count
    assert prior_factor(counts).shape == (17,)


def test_the_prior_factor_has_an_expectation_of_one() -> None:
    pixels = torch.tensor([700.0, 200.0, 100.0, 0.0])
    for uniform, power in ((0.5, 1.0), (0.1, 0.5), (1.0, 2.0)):
        weights = prior_factor(pixels, uniform=uniform, power=power)
        assert float((weights * pixels / 1000).sum()) == pytest.approx(1)
        assert weights.tolist() == sorted(weights.tolist())
    assert prior_factor(pixels, power=0).tolist() == [1, 1, 1, 1]
    mixed = [0.5 * share + 0.125 for share in (0.7, 0.2, 0.1, 0.0)]
    scale = sum(share / mix for share, mix in zip((0.7, 0.2, 0.1, 0.0), mixed, strict=True))
    assert prior_factor(pixels).tolist() == pytest.approx([1 / mix / scale for mix in mixed])


@pytest.mark.parametrize(
    ("pixels", "uniform", "message"),
    [
        ([0.0, 0.0], 0.5, "pixels: expected numbers >= 0, not all 0"),
        ([-1.0, 2.0], 0.5, "pixels: expected numbers >= 0, not all 0"),
        ([1.0, 2.0], 1.5, r"uniform: expected a share in \[0, 1\]"),
        ([0.0, 2.0], 0.0, "uniform: .* not 0 where a class has no pixel, found 0"),
    ],
)
def test_a_prior_factor_that_is_not_defined_is_an_error(pixels: list[float], uniform: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prior_factor(torch.tensor(pixels), uniform=uniform)
