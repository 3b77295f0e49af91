"""Files that are valid but unusual: modes of images, empty masks, odd sizes, numbers that mark nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mt_torchattacks.data.nyuv2 import NYUv2
from tests.data_factories import FACTORIES, Items, npy, png

GREY = np.arange(108, dtype=np.uint8).reshape(9, 12)


@pytest.fixture
def treemtl(items: Items, tmp_path: Path) -> NYUv2:
    read = FACTORIES["nyuv2/treemtl"](tmp_path, items)
    assert isinstance(read, NYUv2)
    return read


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_a_grey_image_has_three_equal_channels(mode: str, treemtl: NYUv2) -> None:
    png(treemtl.file(0, "image"), GREY, mode)
    expected = torch.from_numpy(GREY).float() / 255
    assert torch.equal(treemtl[0][0], expected.expand(3, 9, 12))


def test_an_image_of_16_bits_keeps_its_range(treemtl: NYUv2) -> None:
    png(treemtl.file(0, "image"), GREY.astype(np.uint16) * 257)
    assert torch.allclose(treemtl[0][0], torch.from_numpy(GREY).float() / 255)


def test_a_black_and_white_image(treemtl: NYUv2) -> None:
    png(treemtl.file(0, "image"), (GREY % 2).astype(bool))
    assert torch.equal(treemtl[0][0][1], torch.from_numpy(GREY % 2).float())


def test_a_jpeg_is_an_image(treemtl: NYUv2) -> None:
    Image.fromarray(np.full((9, 12), 128, np.uint8)).save(treemtl.file(0, "image"), format="JPEG")
    assert treemtl[0][0] == pytest.approx(128 / 255, abs=0.01)


def test_a_palette_of_labels_gives_the_indices(treemtl: NYUv2) -> None:
    picture = Image.fromarray(GREY % 40).convert("L")
    picture = picture.copy()
    picture.putpalette([value for index in range(256) for value in (255 - index, index, 7)])
    picture.save(treemtl.file(0, "segmentation"))
    assert torch.equal(treemtl[0][1]["segmentation"], torch.from_numpy(GREY % 40).long())


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA", "I;16"])
def test_labels_in_other_modes(mode: str, treemtl: NYUv2) -> None:
    labels = GREY % 40
    pixels = labels.astype(np.uint16) if mode == "I;16" else labels
    png(treemtl.file(0, "segmentation"), pixels, None if mode == "I;16" else mode)
    assert torch.equal(treemtl[0][1]["segmentation"], torch.from_numpy(labels).long())


def test_a_picture_in_colour_is_no_label_image(treemtl: NYUv2) -> None:
    png(treemtl.file(0, "segmentation"), np.stack([GREY, GREY, GREY + 1], axis=-1))
    with pytest.raises(ValueError, match=r"seg/0000\.png: expected an image of labels.* found colours \(mode RGB\)"):
        treemtl[0]


@pytest.mark.parametrize("label", [40, 41, 254])
def test_a_label_that_is_no_class_is_an_error(label: int, treemtl: NYUv2) -> None:
    png(treemtl.file(0, "segmentation"), np.full((9, 12), label, np.uint8))
    expected = rf"seg/0000\.png: expected labels among 0-39, 255, found {label} and 107 more"
    with pytest.raises(ValueError, match=expected):
        treemtl[0]


@pytest.mark.parametrize(
    "labels", [np.full((9, 12), 0.5), np.full((9, 12), np.nan), np.full((9, 12), 1e30), np.zeros(9)]
)
def test_labels_that_are_no_whole_numbers_are_an_error(labels: np.ndarray, items: Items, tmp_path: Path) -> None:
    read = FACTORIES["nyuv2/libmtl"](tmp_path, items)
    npy(read.file(0, "segmentation"), labels)
    with pytest.raises(ValueError, match=r"label/0\.npy: expected"):
        read[0]


def test_empty_masks_are_valid_items(items: Items, tmp_path: Path) -> None:
    image, targets = items[0]
    empty = {
        "segmentation": torch.full_like(targets["segmentation"], 255),
        "normal": torch.zeros_like(targets["normal"]),
        "depth": torch.zeros_like(targets["depth"]),
    }
    for form, factory in FACTORIES.items():
        (tmp_path / form).mkdir(parents=True)
        _, found = factory(tmp_path / form, [(image, empty)])[0]
        for task in found.keys() & empty.keys():
            assert torch.equal(found[task], empty[task]), (form, task)


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (7, 5)])
def test_odd_sizes(size: tuple[int, int], items: Items, tmp_path: Path) -> None:
    image, targets = items[0]
    height, width = size
    small = {task: target[..., 1 : height + 1, :width] for task, target in targets.items()}
    for form, factory in FACTORIES.items():
        (tmp_path / form).mkdir(parents=True)
        found_image, found = factory(tmp_path / form, [(image[:, 1 : height + 1, :width], small)])[0]
        assert found_image.shape == (3, *size)
        assert torch.equal(found["segmentation"], small["segmentation"]), form


@pytest.mark.parametrize("pixel", [(255, 255, 255), (0, 0, 0), (127, 127, 127), (128, 128, 128)])
def test_colours_that_are_no_direction_are_invalid_normals(pixel: tuple[int, int, int], treemtl: NYUv2) -> None:
    pixels = np.full((9, 12, 3), (128, 128, 255), np.uint8)
    pixels[0, 0] = pixel
    png(treemtl.file(0, "normal"), pixels)
    normal = treemtl[0][1]["normal"]
    assert not normal[:, 0, 0].any()
    assert normal[:, 0, 1].tolist() == pytest.approx([0, 0, 1], abs=0.006)


@pytest.mark.parametrize("form", ["nyuv2/treemtl", "nyuv2/libmtl", "nyuv2/mat"])
def test_numbers_that_are_no_depth_are_invalid(form: str, items: Items, tmp_path: Path) -> None:
    bad = torch.tensor([float("nan"), float("inf"), -float("inf"), -1.0])
    items[0][1]["depth"][0, 1, :4] = bad
    depth = FACTORIES[form](tmp_path, items)[0][1]["depth"]
    assert depth[0, 1, :4].tolist() == [0, 0, 0, 0]
    assert depth.isfinite().all()


@pytest.mark.parametrize("form", ["nyuv2/treemtl", "nyuv2/libmtl", "cityscapes/mtan"])
def test_a_depth_of_whole_numbers_is_not_taken_for_metres(form: str, items: Items, tmp_path: Path) -> None:
    read = FACTORIES[form](tmp_path, items)
    npy(read.file(0, "depth"), np.full((9, 12), 1500, np.uint16))
    with pytest.raises(ValueError, match=r"depth/0+\.npy: expected depth in floating point, found dtype uint16"):
        read[0]


def test_a_depth_with_a_channel_axis(treemtl: NYUv2) -> None:
    before = treemtl[0][1]["depth"]
    npy(treemtl.file(0, "depth"), before[0, ..., None].double().numpy())
    assert torch.equal(treemtl[0][1]["depth"], before)


def test_an_image_out_of_range_is_an_error(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["nyuv2/libmtl"](tmp_path, items)
    npy(read.file(0, "image"), np.full((9, 12, 3), 200.0))
    with pytest.raises(ValueError, match=r"image/0\.npy: expected an image in \[0, 1\], found from 200 to 200"):
        read[0]
