"""Folders of ``.npy`` files as MTAN (Liu et al., 2019) prepared them and LibMTL distributes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._readers import decode, files
from mt_torchattacks.data._readers.forms import Form


class NumpyFolders(Form):
    """``<folder>/<task>/<number>.npy``: images in [0, 1], labels from 0 with -1 for ignored."""

    MARK = "train/image"

    SPLITS: ClassVar[Mapping[str, str]]
    """The folder of each split."""

    def __init__(self, root: Path, split: str, classes: int, tasks: tuple[str, ...]) -> None:
        checks.one_of(split, "split", self.SPLITS)
        self._folder = root / self.SPLITS[split]
        labels = self.labels(classes)
        self._folders = {"image": "image", "segmentation": labels, "normal": "normal", "depth": "depth"}
        images = files.folder(self._folder / "image", "root").glob("*.npy")
        self._numbers = sorted((path.stem for path in images if path.stem.isdecimal()), key=int)
        # The table starts at -1.
        self._table = torch.cat([torch.tensor([decode.IGNORE]), torch.arange(classes)])

    def __len__(self) -> int:
        return len(self._numbers)

    def file(self, index: int, name: str) -> Path:
        """``<folder>/<task>/<number>.npy``."""
        return self._folder / self._folders[name] / f"{self._numbers[index]}.npy"

    def read(self, index: int, name: str) -> Tensor:
        path = self.file(index, name)
        values = decode.channels_first(files.read_array(path), path)
        if name == "segmentation":
            return decode.classes(values[0], self._table, path, first=-1)
        if name == "image":
            return decode.unit_image(decode.floats(values), path)
        return decode.directions(decode.floats(values), path) if name == "normal" else self.depth(values, path)

    def labels(self, classes: int) -> str:
        """The name of the folder with the labels."""
        return "label"

    def depth(self, values: decode.Array, path: Path) -> Tensor:
        """The target ``depth``, from a file's numbers."""
        return decode.metres(values, path)
