"""Rooms, written in each form and read again."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from mt_torchattacks.data.rooms import Rooms
from tests.data_factories import FACTORIES, Items

# Worst error of a unit vector from rounding each component to 8 bits, in radians.
EIGHT_BITS = 3**0.5 / 255


@pytest.fixture(scope="module")
def items() -> Items:
    """Rooms of an odd size; in each some pixels that do not count."""
    images, targets = Rooms(length=3, size=(19, 26), seed=5).render(range(3))
    targets["segmentation"][:, :2] = 255
    targets["normal"][:, :, 3] = 0
    targets["depth"][:, :, 3] = 0
    return [(images[i], {task: target[i] for task, target in targets.items()}) for i in range(3)]


def in_order(form: str, items: Items) -> Sequence[tuple[Tensor, dict[str, Tensor]]]:
    """The items in the order in which a form's data set has them: buildings and cities come one after the other."""
    return [items[0], items[2], items[1]] if form in ("tiny_taskonomy/folders", "cityscapes") else items


def angles(one: Tensor, other: Tensor) -> Tensor:
    """Angles between unit vectors, exact for small ones."""
    return 2 * ((one - other).norm(dim=0) / 2).clamp_max(1).asin()


@pytest.mark.parametrize("form", FACTORIES)
def test_labels_come_back_exactly(form: str, items: Items, tmp_path: Path) -> None:
    read = FACTORIES[form](tmp_path, items)
    assert len(read) == 3
    for (image, targets), (wanted_image, wanted) in zip(list(read), in_order(form, items), strict=True):
        assert image.dtype == torch.float32 and (image - wanted_image).abs().max() <= 0.5 / 255 + 1e-6
        assert targets["segmentation"].dtype == torch.int64
        assert torch.equal(targets["segmentation"], wanted["segmentation"])


@pytest.mark.parametrize("form", ["nyuv2/treemtl", "nyuv2/libmtl", "tiny_taskonomy/folders", "tiny_taskonomy/index"])
def test_normals_come_back_within_the_quantization(form: str, items: Items, tmp_path: Path) -> None:
    read = FACTORIES[form](tmp_path, items, tasks=["normal"])
    for (_, targets), (_, wanted) in zip(list(read), in_order(form, items), strict=True):
        valid = wanted["normal"].any(dim=0)
        assert torch.equal(targets["normal"].any(dim=0), valid)
        assert targets["normal"].norm(dim=0)[valid] == pytest.approx(1, abs=1e-6)
        error = angles(targets["normal"], wanted["normal"])[valid].max()
        assert error <= (1e-6 if form == "nyuv2/libmtl" else EIGHT_BITS)


@pytest.mark.parametrize("form", FACTORIES)
def test_depth_comes_back_within_the_quantization(form: str, items: Items, tmp_path: Path) -> None:
    read = FACTORIES[form](tmp_path, items, tasks=["depth"])
    for (_, targets), (_, wanted) in zip(list(read), in_order(form, items), strict=True):
        depth, valid = wanted["depth"], wanted["depth"] > 0
        if form.startswith("nyuv2"):
            assert torch.equal(targets["depth"], depth)
        elif form.startswith("cityscapes"):
            assert torch.equal(targets["depth"] > 0, valid)
            assert (targets["depth"] - 47.3 / depth)[valid].abs().max() <= 0.5 / 256 + 1e-4
        else:
            assert (targets["depth"] - depth).abs().max() <= 0.5 / 512 + 1e-6


def test_the_official_file_gives_13_classes_too(items: Items, tmp_path: Path) -> None:
    fine = Rooms(length=1, size=(19, 26), seed=7, classes=40)[0]
    coarse = Rooms(length=1, size=(19, 26), seed=7, classes=13)[0]
    assert fine[1]["segmentation"].max() > 12
    for form in ("nyuv2/mat", "nyuv2/treemtl"):
        (tmp_path / form).mkdir(parents=True)
        read = FACTORIES[form](tmp_path / form, [fine], classes=13)
        assert torch.equal(read[0][1]["segmentation"], coarse[1]["segmentation"])


@pytest.mark.parametrize("form", FACTORIES)
def test_items_are_collated_by_worker_processes(form: str, items: Items, tmp_path: Path) -> None:
    read = FACTORIES[form](tmp_path, items, size=(8, 12))
    (images, targets), *others = DataLoader(read, batch_size=3, num_workers=1)
    assert not others and images.shape == (3, 3, 8, 12)
    for index, (image, alone) in enumerate(list(read)):
        assert torch.equal(image, images[index])
        assert all(torch.equal(target, targets[task][index]) for task, target in alone.items())


@pytest.mark.parametrize("form", FACTORIES)
def test_what_a_data_set_says_of_itself(form: str, items: Items, tmp_path: Path) -> None:
    read = FACTORIES[form](tmp_path, items)
    assert len(read.class_names) == read.num_classes
    assert set(read[0][1]) == set(read.tasks) <= set(read.TASKS)
    assert torch.equal(read[-1][0], read[2][0])
    for index in (3, -4):
        with pytest.raises(IndexError, match="index: expected an index below 3"):
            read[index]


def test_every_target_of_taskonomy(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["tiny_taskonomy/folders"](tmp_path, items)
    everything = type(read)(tmp_path, tasks=read.TASKS)
    image, targets = everything[0]
    channels = {"normal": 3, "autoencoder": 3, "principal_curvature": 2}
    for task in set(read.TASKS) - {"segmentation"}:
        assert targets[task].shape == (channels.get(task, 1), 19, 26)
    assert torch.equal(targets["autoencoder"], image)


@pytest.mark.parametrize("form", FACTORIES)
def test_a_digest_says_which_items_these_are_without_reading_them(form: str, items: Items, tmp_path: Path) -> None:
    read = FACTORIES[form](tmp_path, items)
    before, fewer = read.digest(3), copy(read)
    fewer.tasks = read.tasks[:1]
    assert before == copy(read).digest(3)
    assert before not in (read.digest(2), fewer.digest(3))
    path = read.file(2, "image")
    path.write_bytes(path.read_bytes() + b"0")
    assert read.digest(3) != before
