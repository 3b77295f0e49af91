"""Cityscapes: street scenes with classes and disparity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._readers import decode, files
from mt_torchattacks.data._readers.base import Reader, Transform

# The 19 classes that are evaluated, in the order of their training numbers, with their labels in the files.
_LABELS_19 = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17, "traffic light": 19,
    "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23, "person": 24, "rider": 25, "car": 26,
    "truck": 27, "bus": 28, "train": 31, "motorcycle": 32, "bicycle": 33,
}  # fmt: skip

# The seven categories with all of their labels, those that the 19 classes leave out among them.
_LABELS_7 = {
    "flat": range(7, 11),
    "construction": range(11, 17),
    "object": range(17, 21),
    "nature": range(21, 23),
    "sky": range(23, 24),
    "human": range(24, 26),
    "vehicle": range(26, 34),
}

_LABELS: dict[int, Mapping[str, Sequence[int]]] = {
    19: {name: (label,) for name, label in _LABELS_19.items()},
    7: _LABELS_7,
}
_LAST = 33
_FILES = {
    "image": ("leftImg8bit", "leftImg8bit"),
    "segmentation": ("gtFine", "gtFine_labelIds"),
    "depth": ("disparity", "disparity"),
}


class Cityscapes(Reader):
    """Cityscapes (Cordts et al., 2016), in the official tree: 2975 images to train with and 500 to validate.

    ================ ============== =====================================================================
    ``segmentation`` ``(H, W)``     one of 19 classes or 7 categories, int64, 255 elsewhere
    ``depth``        ``(1, H, W)``  disparity in pixels of the full-size stereo pair, 0 where not measured
    ================ ============== =====================================================================

    The target called ``depth`` is an *inverse* depth, as in MTAN and AdaShare: the disparity ``d``, whatever the size
    of the items. With the cameras' usual focal length (2262 pixels) and baseline (0.21 m), depth is about
    ``473 / d`` metres. Augmentation needs ``JointAugmentation(..., powers={"depth": 1})``.

    Args:
        root: the folder with ``leftImg8bit``, ``gtFine`` and ``disparity``.
        split: ``"train"`` or ``"val"`` (the labels of the test images are not public).
        tasks: names of the targets that items have.
        classes: 19 or 7.
        size: height and width of the items; None keeps the files' 1024 x 2048.
        transform: called with image and targets, returns both.

    Raises:
        FileNotFoundError: a file or folder is missing.
        ValueError: a file is damaged; ``classes`` or a task is unknown.

    Example:
        >>> Cityscapes("nowhere")
        Traceback (most recent call last):
        FileNotFoundError: root: expected a folder, found none at nowhere.
    """

    TASKS = USUAL = ("segmentation", "depth")

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        *,
        tasks: Sequence[str] = USUAL,
        classes: int = 19,
        size: int | tuple[int, int] | None = None,
        transform: Transform | None = None,
    ) -> None:
        super().__init__(root, tasks, size, transform)
        checks.one_of(split, "split", ("train", "val"))
        checks.require(classes in _LABELS, "classes", "19 or 7", classes)
        self.num_classes = classes
        self.class_names = tuple(_LABELS[classes])
        self._table = torch.full((_LAST + 1,), decode.IGNORE)
        for number, labels in enumerate(_LABELS[classes].values()):
            self._table[list(labels)] = number
        images = files.folder(self.root / "leftImg8bit" / split, "root").glob("*/*_leftImg8bit.png")
        self._images = sorted(images)
        checks.require(bool(self._images), "root", f"images */*_leftImg8bit.png in leftImg8bit/{split}", "none")

    def __len__(self) -> int:
        return len(self._images)

    def file(self, index: int, name: str) -> Path:
        image = self._images[index]
        folder, suffix = _FILES[name]
        split, city = image.parts[-3:-1]
        return self.root / folder / split / city / f"{image.name.removesuffix('leftImg8bit.png')}{suffix}.png"

    def read(self, index: int, name: str) -> Tensor:
        path = self.file(index, name)
        if name == "image":
            return decode.read_rgb(path)
        values = files.read_labels(path)
        if name == "segmentation":
            return decode.classes(values, self._table, path)
        return ((decode.floats(values[None]) - 1) / 256).clamp_min(0)
