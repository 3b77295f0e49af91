"""Reading files that others made: an error has the file's name, and no pickle is ever loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mt_torchattacks import checks
from mt_torchattacks.data._readers import mat5

_NUMBERS = "buif"


@contextmanager
def _reading(path: Path, expected: str) -> Iterator[None]:
    """Turn what a library raises on a missing or damaged file into one error that names the file."""
    checks.require(path.is_file(), str(path), expected, "no such file", FileNotFoundError)
    try:
        yield
    except Exception as error:  # every format's library has its own kinds, and some have several
        raise ValueError(f"{path}: expected {expected}, found what cannot be read as one ({error}).") from error


def folder(path: Path, name: str) -> Path:
    """Check that a folder exists.

    Raises:
        FileNotFoundError: it does not, or is not a folder.
    """
    checks.require(path.is_dir(), name, "a folder", f"none at {path}", FileNotFoundError)
    return path


def content(path: Path) -> str:
    """What a folder holds, for a message."""
    names = sorted(entry.name for entry in path.iterdir())
    return checks.listed(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    with _reading(path, "a JSON file"):
        return json.loads(path.read_text("utf-8"))


def read_index(path: Path, split: str, columns: int) -> list[list[str]]:
    """The paths of a split's items, from an index ``{split: [[path, ...], ...]}``; :func:`inside` makes files of them.

    Args:
        path: the index file.
        split: a key of the index.
        columns: how many paths an item has.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: the index is built in another way.
        ValueError: no JSON, no such split, or a path leaves the index file's folder.
    """
    index = read_json(path)
    checks.require(isinstance(index, dict), str(path), "a mapping of splits", checks.describe(index), TypeError)
    checks.one_of(split, "split", index.keys())
    rows = index[split]
    fits = isinstance(rows, list) and all(isinstance(row, list) and len(row) == columns for row in rows)
    expected = f"a list of {columns} paths for each item of {split!r}"
    checks.require(fits, str(path), expected, "something else", TypeError)
    for name in (name for row in rows for name in row):
        checks.require(isinstance(name, str), str(path), expected, repr(name), TypeError)
        stays = name and not name.startswith("/") and ".." not in name.split("/")
        checks.require(stays, str(path), f"paths inside {path.parent}", repr(name))
    return rows  # type: ignore[no-any-return]


def inside(root: Path, name: str, index: Path) -> Path:
    """The file that an index names, links followed.

    Args:
        root: the folder that the file must be in.
        name: a path relative to ``root``.
        index: the index file, for the message.

    Raises:
        ValueError: the path leaves ``root``.
    """
    base = root.resolve()
    path = base if "\0" in name else (base / name).resolve()
    checks.require(path != base and path.is_relative_to(base), str(index), f"paths inside {root}", repr(name))
    return path


def read_array(path: Path) -> np.ndarray[Any, Any]:
    """The numbers of an ``.npy`` file (mapped first, so that a header cannot ask for more than the file has)."""
    with _reading(path, "a NumPy array of numbers"):
        with path.open("rb") as file:
            is_array = file.read(6) == b"\x93NUMPY"
        checks.require(is_array, "content", "the beginning of an .npy file", "another, perhaps a pickle's or archive's")
        return _numbers(np.load(path, mmap_mode="r", allow_pickle=False))


def read_image(path: Path) -> tuple[np.ndarray[Any, Any], str]:
    """The pixels of a PNG or JPEG, and Pillow's name for their mode: ``(H, W)`` grey ones or ``(H, W, 3)`` colours."""
    with _picture(path, "a PNG or JPEG image", ("PNG", "JPEG")) as picture:
        grey = picture.mode in ("1", "L", "I;16", "I")
        plain = picture if grey else picture.convert("RGB")
        return np.asarray(plain), plain.mode


def read_labels(path: Path) -> np.ndarray[Any, Any]:
    """A label image ``(H, W)``: grey levels, palette indices, or three equal channels.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not an image, or has colours.
    """
    with _picture(path, "a PNG image of labels", ("PNG",)) as picture:
        pixels, mode = np.asarray(picture), picture.mode
    if pixels.ndim == 2:
        return pixels
    colours = pixels[..., : len(mode.removesuffix("A"))]
    grey = bool((colours == colours[..., :1]).all())
    checks.require(grey, str(path), "an image of labels, one number a pixel", f"colours (mode {mode})")
    return colours[..., 0]


@contextmanager
def _picture(path: Path, expected: str, formats: tuple[str, ...]) -> Iterator[Any]:
    """An image as Pillow has it, its checksums verified."""
    pillow = checks.optional("PIL.Image", extra="data")
    with _reading(path, expected):
        with pillow.open(path, formats=formats) as picture:
            picture.verify()
        with pillow.open(path, formats=formats) as picture:
            picture.load()
            yield picture


def read_mat(path: Path, variable: str) -> np.ndarray[Any, Any]:
    """The numbers, column by column, of a numeric variable of a MATLAB file before version 7.3."""
    with _reading(path, f"a MATLAB file with the numeric variable {variable!r}"):
        return dict(mat5.variables(path.read_bytes()))[variable]


def hdf5_shape(path: Path, variable: str) -> tuple[int, ...] | None:
    """The shape of a variable of a MATLAB 7.3 file, None if there is no such variable."""
    h5py = checks.optional("h5py", extra="data")
    with _reading(path, "a MATLAB 7.3 (HDF5) file"), h5py.File(path, "r") as file:
        return tuple(file[variable].shape) if variable in file else None


def read_hdf5(path: Path, variable: str, index: int) -> np.ndarray[Any, Any]:
    """Entry ``index`` along the first axis of a numeric variable of a MATLAB 7.3 file; nothing else is read.

    The file is opened for each read: an open HDF5 file must not be shared by a data loader's processes.
    """
    h5py = checks.optional("h5py", extra="data")
    with _reading(path, f"a MATLAB 7.3 (HDF5) file with the variable {variable!r}"), h5py.File(path, "r") as file:
        # A link, a virtual or an external data set is a way to another file.
        plain = isinstance(file.get(variable, getlink=True), h5py.HardLink)
        values = file[variable]
        checks.require(plain and not values.is_virtual and not values.external, variable, "plain data", "a link")
        return _numbers(values[index])


def _numbers(values: object) -> np.ndarray[Any, Any]:
    """A copy in memory of an array of numbers."""
    if not isinstance(values, np.ndarray):
        checks.fail("content", "one array", checks.describe(values))
    checks.require(values.dtype.kind in _NUMBERS, "content", "numbers", f"dtype {values.dtype}")
    checks.require(values.size > 0, "content", "numbers", f"none, shape {values.shape}")
    return np.array(values)
