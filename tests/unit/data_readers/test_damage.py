"""Missing, truncated and hostile files: an error with the file's name, and nothing outside the root is opened."""

from __future__ import annotations

import json
import pickle
import random
import re
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from mt_torchattacks.data._readers.base import Reader
from mt_torchattacks.data._readers.forms import FormsReader
from mt_torchattacks.data.nyuv2 import NYUv2
from mt_torchattacks.data.taskonomy import TinyTaskonomy
from tests.data_factories import FACTORIES, Items, npy, png

NAMES = ("image", "segmentation", "normal", "depth")


def spring() -> None:
    pytest.fail("a pickle was loaded")  # no Exception, which the readers would turn into an error of their own


class Trap:
    """Fails the test when unpickled."""

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return spring, ()


def cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


def reopened(read: Reader) -> Reader:
    return type(read)(read.root, **({"classes": read.num_classes} if isinstance(read, FormsReader) else {}))


@pytest.mark.parametrize("form", FACTORIES)
@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 1])
def test_a_truncated_file_is_named(form: str, share: float, items: Items, tmp_path: Path) -> None:
    read = FACTORIES[form](tmp_path, items)
    for name in (name for name in NAMES if name in ("image", *read.tasks)):
        path = read.file(0, name)
        whole = path.read_bytes()
        cut(path, min(int(len(whole) * share), len(whole) - 12))  # a PNG's last chunk has 12 bytes
        with pytest.raises(ValueError, match=re.escape(path.name)):
            reopened(read)[0]
        path.write_bytes(whole)


@pytest.mark.parametrize("form", FACTORIES)
def test_a_changed_byte_is_an_error_with_the_files_name_or_does_no_harm(
    form: str, items: Items, tmp_path: Path
) -> None:
    """Not in the HDF5 file: whether damage there is noticed is the library's affair."""
    read = FACTORIES[form](tmp_path, items)
    paths = sorted(path for path in tmp_path.rglob("*") if path.is_file() and path.name != "nyu_depth_v2_labeled.mat")
    generator = random.Random(0)
    for _ in range(40):
        path = generator.choice(paths)
        whole = path.read_bytes()
        place = generator.randrange(len(whole))
        path.write_bytes(whole[:place] + generator.randbytes(1) + whole[place + 1 :])
        try:
            list(reopened(read))
        except (FileNotFoundError, TypeError, ValueError) as error:
            assert path.name in str(error) or isinstance(error, FileNotFoundError)  # noqa: PT017
        path.write_bytes(whole)


@pytest.mark.parametrize("form", FACTORIES)
def test_a_missing_file_is_named(form: str, items: Items, tmp_path: Path) -> None:
    read = FACTORIES[form](tmp_path, items)
    for name in (name for name in NAMES if name in ("image", *read.tasks)):
        path = read.file(0, name)
        whole = path.read_bytes()
        path.unlink()
        with pytest.raises(FileNotFoundError, match=re.escape(path.name)):
            read[0]
        path.write_bytes(whole)


@pytest.mark.parametrize("name", ["splits.mat", "classMapping40.mat"])
def test_what_lies_beside_the_official_file_is_asked_for(name: str, items: Items, tmp_path: Path) -> None:
    FACTORIES["nyuv2/mat"](tmp_path, items)
    cut(tmp_path / name, 150)
    with pytest.raises(ValueError, match=name):
        NYUv2(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}.*no such file"):
        NYUv2(tmp_path)
    if name == "classMapping40.mat":
        assert set(NYUv2(tmp_path, tasks=["depth"])[0][1]) == {"depth"}


@pytest.mark.parametrize(
    ("name", "variable", "values"),
    [
        ("splits.mat", "trainNdxs", np.array([[0]])),
        ("splits.mat", "trainNdxs", np.array([[4]])),
        ("splits.mat", "trainNdxs", np.zeros((0, 1))),
        ("classMapping40.mat", "mapClass", np.array([[41]])),
        ("classMapping40.mat", "mapClass", np.array([[0]])),
        ("classMapping40.mat", "mapClass", "text"),
        ("classMapping40.mat", "otherVariable", np.array([[1]])),
    ],
)
def test_what_lies_beside_the_official_file_is_checked(
    name: str, variable: str, values: object, items: Items, tmp_path: Path
) -> None:
    FACTORIES["nyuv2/mat"](tmp_path, items)
    scipy.io.savemat(tmp_path / name, {variable: values})
    with pytest.raises(ValueError, match=name):
        NYUv2(tmp_path)


def test_an_official_file_without_images_is_named(items: Items, tmp_path: Path) -> None:
    FACTORIES["nyuv2/mat"](tmp_path, items)
    with h5py.File(tmp_path / "nyu_depth_v2_labeled.mat", "a") as file:
        del file["images"]
    with pytest.raises(ValueError, match=r"labeled\.mat: expected a variable 'images' of shape .*, found none"):
        NYUv2(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_an_array_without_a_number_is_an_error(name: str, items: Items, tmp_path: Path) -> None:
    read = FACTORIES["nyuv2/libmtl"](tmp_path, items)
    path = npy(read.file(0, name), np.zeros((0, 12, 3)))
    with pytest.raises(ValueError, match=rf"{path.parent.name}/0\.npy: expected .*numbers, found none"):
        read[0]


def test_a_label_outside_the_mapping_is_an_error(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["nyuv2/mat"](tmp_path, items)
    scipy.io.savemat(tmp_path / "classMapping40.mat", {"mapClass": np.arange(1, 11)[None]})
    with pytest.raises(ValueError, match="nyu_depth_v2_labeled.mat: expected labels among 0-10, found"):
        reopened(read)[0]


def test_the_trap_works() -> None:
    with pytest.raises(pytest.fail.Exception, match="a pickle was loaded"):
        pickle.loads(pickle.dumps(Trap()))


def test_no_array_is_unpickled(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["nyuv2/libmtl"](tmp_path, items)
    path = read.file(0, "depth")
    np.save(path, np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"0\.npy: .*[Oo]bject"):
        read[0]
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=r"0\.npy: .*perhaps a pickle"):
        read[0]
    with path.open("wb") as file:
        np.savez(file, depth=np.zeros((9, 12)))
    with pytest.raises(ValueError, match=r"0\.npy: .*perhaps .*archive"):
        read[0]
    npy(path, np.array([["text"]]))
    with pytest.raises(ValueError, match=r"0\.npy: .*numbers"):
        read[0]


def test_a_header_cannot_ask_for_more_than_the_file_has(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["nyuv2/libmtl"](tmp_path, items)
    path = npy(read.file(0, "image"), np.zeros((9, 12, 3), np.float32))
    path.write_bytes(path.read_bytes().replace(b"(9, 12, 3), }          ", b"(999999999, 999999, 3)}"))
    with pytest.raises(ValueError, match=r"image/0\.npy"):
        read[0]


@pytest.mark.parametrize("form", ["nyuv2/treemtl", "tiny_taskonomy/index"])
@pytest.mark.parametrize("column", [0, 1, 3])
@pytest.mark.parametrize(
    "path", ["/etc/hostname", "../secret.png", "img/../../secret.png", "link.png", "a\0b", "", 3, None]
)
def test_an_index_cannot_leave_the_root(form: str, column: int, path: object, items: Items, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    read = FACTORIES[form](root, items)
    secret = png(tmp_path / "secret.png", np.zeros((9, 12), np.uint8))
    (root / "link.png").symlink_to(secret)
    if form == "tiny_taskonomy/index":
        (root / "train" / "link.png").symlink_to(secret)
    (index_file,) = root.glob("*.json")
    index = json.loads(index_file.read_text("utf-8"))
    index["train"][0][column] = path
    index_file.write_text(json.dumps(index), "utf-8")
    with pytest.raises((ValueError, TypeError), match=index_file.name):
        reopened(read)[0]


@pytest.mark.parametrize(("form", "folder"), [("nyuv2/treemtl", "depth"), ("tiny_taskonomy/index", "train")])
def test_a_linked_folder_does_not_lead_out_of_the_root(form: str, folder: str, items: Items, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    read = FACTORIES[form](root, items)
    (root / folder).rename(tmp_path / "elsewhere")
    (root / folder).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"\.json: expected paths inside"):
        reopened(read)[0]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"train": 3}', '{"train": [3]}', '{"train": [["a.png"]]}', "\xff"])
@pytest.mark.parametrize("reader", [NYUv2, TinyTaskonomy])
def test_an_index_of_another_kind_is_an_error(content: str, reader: type[Reader], tmp_path: Path) -> None:
    name = "nyu_v2_3task.json" if reader is NYUv2 else "taskonomy.json"
    (tmp_path / name).write_text(content, "latin-1")
    with pytest.raises((ValueError, TypeError), match=name):
        reader(tmp_path)


def test_the_splits_of_an_index_are_listed(items: Items, tmp_path: Path) -> None:
    FACTORIES["nyuv2/treemtl"](tmp_path, items)
    with pytest.raises(ValueError, match="split: expected one of 'train', 'test', found 'val'"):
        NYUv2(tmp_path, "val")


def test_a_link_out_of_an_hdf5_file_is_refused(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["nyuv2/mat"](tmp_path, items)
    path = tmp_path / "nyu_depth_v2_labeled.mat"
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["depths"] = np.ones((3, 12, 9), np.float32)
    with h5py.File(path, "a") as file:
        del file["depths"]
        file["depths"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "depths")
    with pytest.raises(ValueError, match=r"labeled\.mat: .*link"):
        read[0]
    (tmp_path / "raw").write_bytes(bytes(3 * 12 * 9 * 4))
    with h5py.File(path, "a") as file:
        del file["depths"]
        file.create_dataset("depths", (3, 12, 9), np.float32, external=[(str(tmp_path / "raw"), 0, 3 * 12 * 9 * 4)])
    with pytest.raises(ValueError, match=r"labeled\.mat: .*link"):
        read[0]


@pytest.mark.parametrize(
    ("form", "package", "name"),
    [("nyuv2/mat", "h5py", "h5py"), ("nyuv2/treemtl", "PIL.Image", "PIL")],
)
def test_a_missing_package_is_explained(
    form: str, package: str, name: str, items: Items, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = FACTORIES[form](tmp_path, items)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"{name} is needed here.*pip install 'mt-torchattacks\[data\]'"):
        reopened(read)[0]


def test_a_file_of_another_size_is_named(items: Items, tmp_path: Path) -> None:
    read = FACTORIES["nyuv2/treemtl"](tmp_path, items)
    png(tmp_path / "seg/0001.png", np.zeros((9, 13), np.uint8))
    assert read[0][1]["segmentation"].shape == (9, 12)
    with pytest.raises(ValueError, match=r"seg/0001\.png \(segmentation of item 1\): .*\(9, 12\), found \(9, 13\)"):
        read[1]
