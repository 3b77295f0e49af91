"""The three forms of NYUv2: how one is told from another, and what is particular to each."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from mt_torchattacks.data._readers.normals import KINECT, normals_from_depth
from mt_torchattacks.data.nyuv2 import NYUv2
from tests.data_factories import FACTORIES, Items

FORMS = ["mat", "treemtl", "libmtl"]


@pytest.mark.parametrize("form", FORMS)
def test_the_form_is_found(form: str, items: Items, tmp_path: Path) -> None:
    read = FACTORIES[f"nyuv2/{form}"](tmp_path, items)
    assert isinstance(read, NYUv2) and read.form == form
    assert NYUv2(tmp_path).num_classes == (13 if form == "libmtl" else 40)


def test_two_forms_in_one_folder_need_a_choice(items: Items, tmp_path: Path) -> None:
    for form in ("treemtl", "libmtl"):
        FACTORIES[f"nyuv2/{form}"](tmp_path, items, form=form)
    with pytest.raises(ValueError, match="form: expected a choice.* found treemtl, libmtl"):
        NYUv2(tmp_path)
    assert NYUv2(tmp_path, form="libmtl").num_classes == 13


def test_no_form_is_explained(tmp_path: Path) -> None:
    (tmp_path / "nyu.zip").touch()
    expected = r"nyu_depth_v2_labeled\.mat \(mat\), nyu_v2_3task\.json \(treemtl\), train/image \(libmtl\).*'nyu\.zip'"
    with pytest.raises(FileNotFoundError, match=expected):
        NYUv2(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "other"}, "form: expected one of 'mat', 'treemtl', 'libmtl', found 'other'"),
        ({"classes": 40}, r"classes: expected one of \(13,\) in the form 'libmtl', found 40"),
        ({"tasks": ["colour"]}, "tasks: expected one of 'segmentation', 'normal', 'depth', found 'colour'"),
        ({"split": "all"}, "split: expected one of 'train', 'val', 'test', found 'all'"),
        ({"size": (3, 0)}, "size: expected positive numbers"),
    ],
)
def test_a_bad_option_is_explained(options: dict[str, object], message: str, items: Items, tmp_path: Path) -> None:
    FACTORIES["nyuv2/libmtl"](tmp_path, items)
    with pytest.raises(ValueError, match=message):
        NYUv2(tmp_path, **options)  # type: ignore[arg-type]


def test_tasks_as_one_string_are_refused(items: Items, tmp_path: Path) -> None:
    FACTORIES["nyuv2/libmtl"](tmp_path, items)
    with pytest.raises(TypeError, match="tasks: expected a sequence of names, found 'depth'"):
        NYUv2(tmp_path, tasks="depth")


def test_the_official_split_counts_from_one(items: Items, tmp_path: Path) -> None:
    """The factory puts the items at images 3 and 2 and a black one at image 1, which is the one to test with."""
    FACTORIES["nyuv2/mat"](tmp_path, items)
    test = NYUv2(tmp_path, "test")
    assert len(test) == 1 and not test[0][0].any() and not test[0][1]["depth"].any()
    assert (test[0][1]["segmentation"] == 255).all()
    with pytest.raises(ValueError, match="split: expected one of 'train', 'test', found 'val'"):
        NYUv2(tmp_path, "val")


def test_normals_come_from_depth_unless_the_official_file_has_them(tmp_path: Path) -> None:
    depth = (2 + 0.001 * torch.arange(20.0)).expand(1, 16, 20).clone()
    normal = torch.tensor([0.0, 0.6, -0.8])[:, None, None].expand(3, 16, 20)
    targets = {"segmentation": torch.zeros(16, 20, dtype=torch.int64), "depth": depth}
    read = FACTORIES["nyuv2/mat"](tmp_path, [(torch.zeros(3, 16, 20), targets)])
    computed = read[0][1]["normal"]
    assert torch.equal(computed, normals_from_depth(depth, KINECT)) and computed.any()
    with h5py.File(tmp_path / "nyu_depth_v2_labeled.mat", "a") as file:
        file["normals"] = np.stack([np.zeros((3, 20, 16), np.float32), normal.numpy().transpose(0, 2, 1)])
    assert torch.allclose(NYUv2(tmp_path)[0][1]["normal"], normal)


def test_the_official_file_is_read_lazily(items: Items, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = FACTORIES["nyuv2/mat"](tmp_path, items, tasks=["depth"])
    asked: list[tuple[str, object]] = []
    original = h5py.Dataset.__getitem__

    def spy(self: h5py.Dataset, key: object, **options: object) -> object:
        asked.append((self.name, key))
        return original(self, key, **options)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", spy)
    read[1]
    assert asked == [("/images", 1), ("/depths", 1)]


def test_libmtl_numbers_are_ordered_as_numbers(items: Items, tmp_path: Path) -> None:
    FACTORIES["nyuv2/libmtl"](tmp_path, [items[0]] * 12)
    read = NYUv2(tmp_path, "test")
    assert [read.file(index, "depth").name for index in range(12)] == [f"{number}.npy" for number in range(12)]
    assert read.file(0, "depth").parts[-3:] == ("val", "depth", "0.npy")


def test_libmtl_numbers_may_have_leading_zeros(items: Items, tmp_path: Path) -> None:
    before = FACTORIES["nyuv2/libmtl"](tmp_path, items)[1]
    for path in list(tmp_path.rglob("1.npy")):
        path.rename(path.with_name("0001.npy"))
    assert torch.equal(NYUv2(tmp_path)[1][0], before[0])


def test_size_and_transform(items: Items, tmp_path: Path) -> None:
    FACTORIES["nyuv2/libmtl"](tmp_path, items)
    image, targets = NYUv2(
        tmp_path, size=(4, 6), transform=lambda image, targets: (image[:1], {"sizes": targets["depth"]})
    )[0]
    assert image.shape == (1, 4, 6) and targets["sizes"].shape == (1, 4, 6)
