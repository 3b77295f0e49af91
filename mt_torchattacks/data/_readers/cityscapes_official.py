"""Cityscapes as published (Cordts et al., 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._readers import decode, files
from mt_torchattacks.data._readers.forms import Form

# The 19 classes that are evaluated, in the order of their training numbers, with their labels in the files.
LABELS_19 = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17, "traffic light": 19,
    "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23, "person": 24, "rider": 25, "car": 26,
    "truck": 27, "bus": 28, "train": 31, "motorcycle": 32, "bicycle": 33,
}  # fmt: skip

# The seven categories with all of their labels, those that the 19 classes leave out among them.
LABELS_7 = {
    "flat": range(7, 11),
    "construction": range(11, 17),
    "object": range(17, 21),
    "nature": range(21, 23),
    "sky": range(23, 24),
    "human": range(24, 26),
    "vehicle": range(26, 34),
}

LABELS: dict[int, Mapping[str, Sequence[int]]] = {
    19: {name: (label,) for name, label in LABELS_19.items()},
    7: LABELS_7,
}
"""For each number of classes, the names of the classes and the files' labels that belong to each."""

_LAST = 33
_FILES = {
    "image": ("leftImg8bit", "leftImg8bit"),
    "segmentation": ("gtFine", "gtFine_labelIds"),
    "depth": ("disparity", "disparity"),
}


class OfficialForm(Form):
    """The folders ``leftImg8bit``, ``gtFine`` and ``disparity``, 19 or 7 classes, 1024 x 2048 pixels."""

    MARK = "leftImg8bit"
    SPLITS = ("train", "val")
    CLASSES = (19, 7)

    def __init__(self, root: Path, split: str, classes: int, tasks: tuple[str, ...]) -> None:
        checks.one_of(split, "split", self.SPLITS)
        self._root = root
        self._table = torch.full((_LAST + 1,), decode.IGNORE)
        for number, labels in enumerate(LABELS[classes].values()):
            self._table[list(labels)] = number
        images = files.folder(root / "leftImg8bit" / split, "root").glob("*/*_leftImg8bit.png")
        self._images = sorted(images)
        checks.require(bool(self._images), "root", f"images */*_leftImg8bit.png in leftImg8bit/{split}", "none")

    def __len__(self) -> int:
        return len(self._images)

    def file(self, index: int, name: str) -> Path:
        """``<kind>/<split>/<city>/<image>_<kind>.png``."""
        image = self._images[index]
        folder, suffix = _FILES[name]
        split, city = image.parts[-3:-1]
        return self._root / folder / split / city / f"{image.name.removesuffix('leftImg8bit.png')}{suffix}.png"

    def read(self, index: int, name: str) -> Tensor:
        path = self.file(index, name)
        if name == "image":
            return decode.read_rgb(path)
        values = files.read_labels(path)
        if name == "segmentation":
            return decode.classes(values, self._table, path)
        return disparity(decode.floats(values[None]))


def disparity(values: Tensor) -> Tensor:
    """Disparity in pixels from the numbers of the official files, ``256 d + 1``, and 0 where there is none."""
    return ((values - 1) / 256).clamp_min(0)
