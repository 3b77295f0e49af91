"""Cityscapes: labels, disparity, the tree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mt_torchattacks.data.cityscapes import Cityscapes
from tests.data_factories import FACTORIES, Items, png

# For each label of the files: the class of the 19, and the category of the 7, as the data set's authors publish them.
OF_19 = [255] * 7 + [0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, 6, 7, 8, 9, 10]
OF_19 += [11, 12, 13, 14, 15, 255, 255, 16, 17, 18]
OF_7 = [255] * 7 + [0] * 4 + [1] * 6 + [2] * 4 + [3] * 2 + [4] + [5] * 2 + [6] * 8


@pytest.mark.parametrize(("classes", "expected"), [(19, OF_19), (7, OF_7)])
def test_labels(classes: int, expected: list[int], items: Items, tmp_path: Path) -> None:
    read = FACTORIES["cityscapes"](tmp_path, items, classes=classes)
    assert read.num_classes == len(read.class_names) == classes
    pixels = (np.arange(108, dtype=np.uint8) % 34).reshape(9, 12)
    png(read.file(0, "segmentation"), pixels)
    assert read[0][1]["segmentation"].flatten().tolist() == [expected[label] for label in pixels.flatten()]


def test_names_follow_the_labels(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["cityscapes"](tmp_path, items)
    assert (read.class_names[0], read.class_names[10], read.class_names[18]) == ("road", "sky", "bicycle")
    assert Cityscapes(tmp_path, classes=7).class_names == (
        "flat", "construction", "object", "nature", "sky", "human", "vehicle",
    )  # fmt: skip


def test_training_labels_in_place_of_labels_are_noticed(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["cityscapes"](tmp_path, items)
    png(read.file(0, "segmentation"), np.full((9, 12), 255, np.uint8))
    with pytest.raises(ValueError, match=r"labelIds\.png: expected labels among 0-33, found 255"):
        read[0]


def test_disparity_in_pixels(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["cityscapes"](tmp_path, items, size=(18, 24))
    pixels = np.zeros((9, 12), np.uint16)
    pixels[0, :5] = (0, 1, 257, 25601, 32257)
    png(read.file(0, "depth"), pixels)
    depth = read[0][1]["depth"]
    assert depth.shape == (1, 18, 24)
    assert depth[0, 0, :10:2].tolist() == [0, 0, 1, 100, 126]


def test_cities_come_in_order(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["cityscapes"](tmp_path, [*items, items[0]])
    names = [read.file(index, "depth").relative_to(tmp_path).as_posix() for index in range(3)]
    assert names == [
        "disparity/train/aachen/aachen_000000_000000_disparity.png",
        "disparity/train/aachen/aachen_000000_000002_disparity.png",
        "disparity/train/bochum/bochum_000000_000001_disparity.png",
    ]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"classes": 34}, ValueError, "classes: expected 19 or 7, found 34"),
        ({"split": "test"}, ValueError, "split: expected one of 'train', 'val', found 'test'"),
        ({"split": "val"}, FileNotFoundError, "root: expected a folder, found none at .*leftImg8bit.val"),
    ],
)
def test_a_bad_option_is_explained(
    options: dict[str, object], error: type[Exception], message: str, items: Items, tmp_path: Path
) -> None:
    FACTORIES["cityscapes"](tmp_path, items)
    with pytest.raises(error, match=message):
        Cityscapes(tmp_path, **options)  # type: ignore[arg-type]
