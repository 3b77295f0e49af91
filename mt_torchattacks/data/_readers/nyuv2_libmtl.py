"""NYUv2 as MTAN (Liu et al., 2019) prepared it, and LibMTL distributes it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._readers import decode, files

_FOLDERS = {"image": "image", "segmentation": "label", "normal": "normal", "depth": "depth"}


class LibMTLForm:
    """Folders ``train`` and ``val`` of ``.npy`` files, 13 classes, 288 x 384 pixels."""

    MARK = "train/image"
    SPLITS = ("train", "val", "test")
    CLASSES = (13,)

    def __init__(self, root: Path, split: str, classes: int, tasks: tuple[str, ...]) -> None:
        checks.one_of(split, "split", self.SPLITS)
        self._folder = root / ("train" if split == "train" else "val")
        images = files.folder(self._folder / "image", "root").glob("*.npy")
        self._numbers = sorted(int(path.stem) for path in images if path.stem.isdecimal())
        # Labels are -1 (ignored) and 0 to 12; the table starts at -1.
        self._table = torch.cat([torch.tensor([decode.IGNORE]), torch.arange(classes)])

    def __len__(self) -> int:
        return len(self._numbers)

    def file(self, index: int, name: str) -> Path:
        """``<split>/<folder>/<number>.npy``."""
        return self._folder / _FOLDERS[name] / f"{self._numbers[index]}.npy"

    def read(self, index: int, name: str) -> Tensor:
        """An item's ``"image"`` or a task's target."""
        path = self.file(index, name)
        values = decode.channels_first(files.read_array(path), path)
        if name == "segmentation":
            return decode.classes(values[0], self._table, path, first=-1)
        if name == "image":
            return decode.unit_image(decode.floats(values), path)
        return (decode.directions if name == "normal" else decode.metres)(decode.floats(values), path)
