"""Cityscapes: labels, disparity, the trees of both forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mt_torchattacks.data.cityscapes import Cityscapes
from tests.data_factories import CITYSCAPES_CATEGORIES, FACTORIES, Items, npy, png

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
        ({"classes": 34}, ValueError, r"classes: expected one of \(19, 7\) in the form 'official', found 34"),
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


def test_the_form_is_found(items: Items, tmp_path: Path) -> None:
    for form, classes in (("official", 19), ("mtan", 7)):
        (tmp_path / form).mkdir()
        FACTORIES["cityscapes" if form == "official" else "cityscapes/mtan"](tmp_path / form, items)
        read = Cityscapes(tmp_path / form)
        assert (read.form, read.num_classes) == (form, classes)
    with pytest.raises(
        FileNotFoundError, match=r"leftImg8bit \(official\), train/image \(mtan\) .* 'mtan', 'official'"
    ):
        Cityscapes(tmp_path)


@pytest.mark.parametrize("folder", ["label_7", "label"])
def test_mtans_seven_classes(folder: str, items: Items, tmp_path: Path) -> None:
    """In the folder ``label`` where there is one: LibMTL's copies."""
    FACTORIES["cityscapes/mtan"](tmp_path, items)
    (tmp_path / "val/label_7").rename(tmp_path / "val" / folder)
    read = Cityscapes(tmp_path, "val", classes=7)
    categories = torch.full((256,), 255)
    categories[:19] = torch.tensor(CITYSCAPES_CATEGORIES)
    for (_, found), (_, targets) in zip(list(read), items, strict=True):
        assert torch.equal(found["segmentation"], categories[targets["segmentation"]])


def test_mtans_disparity_is_in_pixels_too(items: Items, tmp_path: Path) -> None:
    """The files' largest number, 0.4922, is the 32257 of the official ones: 126 pixels."""
    read = FACTORIES["cityscapes/mtan"](tmp_path, items)
    shares = np.zeros((9, 12, 1))
    shares[0, :6, 0] = (0, 1 / 65535, 257 / 65535, 32257 / 65535, -1, np.nan)
    npy(read.file(0, "depth"), shares)
    assert read[0][1]["depth"][0, 0, :6].tolist() == pytest.approx([0, 0, 1, 126, 0, 0], abs=1e-4)
    assert round(32257 / 65535, 4) == 0.4922
    npy(read.file(0, "depth"), shares * 256)
    with pytest.raises(
        ValueError, match=r"depth/0\.npy: expected disparity as a share of the 16-bit range, found up to 126"
    ):
        read[0]


def test_both_forms_give_the_same_targets(items: Items, tmp_path: Path) -> None:
    for form in ("cityscapes", "cityscapes/mtan"):
        (tmp_path / form).mkdir()
    one, other = (FACTORIES[form](tmp_path / form, items[:1])[0][1] for form in ("cityscapes", "cityscapes/mtan"))
    assert torch.equal(one["segmentation"], other["segmentation"])
    assert torch.allclose(one["depth"], other["depth"], rtol=0, atol=0.5 / 256 + 1e-4)
