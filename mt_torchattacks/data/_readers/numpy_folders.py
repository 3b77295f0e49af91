"""Folders of ``.npy`` files as MTAN (Liu et al., 2019) prepared them and LibMTL distributes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._readers import decode, files
from mt_torchattacks.data._readers.cityscapes_official import disparity
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


class NYUv2Folders(NumpyFolders):
    """NYUv2: folders ``train`` and ``val`` of ``.npy`` files, 13 classes, 288 x 384 pixels."""

    SPLITS = MappingProxyType({"train": "train", "val": "val", "test": "val"})
    CLASSES = (13,)


class CityscapesFolders(NumpyFolders):
    """Cityscapes: folders ``train`` and ``val`` of ``.npy`` files, 7 or 19 classes, 128 x 256 or 256 x 512 pixels."""

    SPLITS = MappingProxyType({"train": "train", "val": "val"})
    CLASSES = (7, 19)

    def labels(self, classes: int) -> str:
        """``label_7`` or ``label_19``; LibMTL's copies have seven classes in ``label``."""
        renamed = classes == 7 and (self._folder / "label").is_dir()
        return super().labels(classes) if renamed else f"label_{classes}"

    def depth(self, values: decode.Array, path: Path) -> Tensor:
        """Disparity in pixels; the files have the official ones' numbers as shares of the 16-bit range."""
        shares = decode.metres(values, path)
        highest = float(shares.max())
        checks.require(highest <= 1, str(path), "disparity as a share of the 16-bit range", f"up to {highest:g}")
        return disparity(shares * 65535)
