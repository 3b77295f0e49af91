"""NYUv2 as published: ``nyu_depth_v2_labeled.mat`` (Silberman et al., 2012)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._classes import FROM_40
from mt_torchattacks.data._readers import decode, files
from mt_torchattacks.data._readers.forms import Form
from mt_torchattacks.data._readers.normals import KINECT, normals_from_depth

_VARIABLES = {"image": "images", "segmentation": "labels", "normal": "normals", "depth": "depths"}


class MatForm(Form):
    """The official file, read lazily; beside it the official split and Gupta et al.'s mapping to 40 classes.

    MATLAB stores arrays column by column, so that in the file images are ``(1449, 3, 640, 480)``, depths and labels
    ``(1449, 640, 480)``.
    """

    MARK = "nyu_depth_v2_labeled.mat"
    SPLITS = ("train", "test")
    CLASSES = (40, 13)

    def __init__(self, root: Path, split: str, classes: int, tasks: tuple[str, ...]) -> None:
        checks.one_of(split, "split", self.SPLITS)
        self._mat = root / self.MARK
        shape = files.hdf5_shape(self._mat, "images")
        if not shape:
            checks.fail(str(self._mat), "a variable 'images' of shape (N, 3, 640, 480)", "none")
        self._indices = _split(root / "splits.mat", split, shape[0])
        self._has_normals = files.hdf5_shape(self._mat, "normals") is not None
        self._table = _class_table(root / "classMapping40.mat", classes) if "segmentation" in tasks else None

    def __len__(self) -> int:
        return len(self._indices)

    def file(self, index: int, name: str) -> Path:
        """The one file there is."""
        return self._mat

    def read(self, index: int, name: str) -> Tensor:
        if name == "normal" and not self._has_normals:
            return normals_from_depth(self.read(index, "depth"), KINECT)
        values = files.read_hdf5(self._mat, _VARIABLES[name], int(self._indices[index])).swapaxes(-1, -2)
        if name == "segmentation":
            assert self._table is not None
            return decode.classes(values, self._table, self._mat)
        if name == "image":
            return decode.unit_image(decode.floats(values) / 255, self._mat)
        if name == "normal":
            return decode.directions(decode.floats(values), self._mat)
        return decode.metres(values[None], self._mat)


def _split(path: Path, split: str, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Indices of a split's images; the file counts from 1."""
    indices = files.read_mat(path, f"{split}Ndxs").astype(np.int64) - 1
    fits = indices.size > 0 and indices.min() >= 0 and indices.max() < count
    checks.require(fits, str(path), f"numbers of images from 1 to {count}", f"{indices.size} that do not fit")
    return indices


def _class_table(path: Path, classes: int) -> Tensor:
    """The class of each of the file's labels, of which 0 is unlabelled and the 894 others are mapped to 40."""
    mapping = torch.from_numpy(files.read_mat(path, "mapClass").astype(np.int64)) - 1
    fits = mapping.numel() > 0 and bool(((mapping >= 0) & (mapping < 40)).all())
    checks.require(fits, str(path), "classes from 1 to 40 in the variable 'mapClass'", "others")
    return torch.cat([torch.tensor([decode.IGNORE]), FROM_40[classes][mapping]])
