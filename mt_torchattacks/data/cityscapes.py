"""Cityscapes: street scenes with classes and disparity, in the two forms in which it is handed on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from mt_torchattacks.data._readers.base import Transform
from mt_torchattacks.data._readers.cityscapes_official import LABELS, OfficialForm
from mt_torchattacks.data._readers.forms import FormsReader
from mt_torchattacks.data._readers.numpy_folders import CityscapesFolders


class Cityscapes(FormsReader):
    """Cityscapes (Cordts et al., 2016), official or as MTAN prepared it: 2975 images to train with, 500 to validate.

    ================ ============== =====================================================================
    ``segmentation`` ``(H, W)``     one of 19 classes or 7 categories, int64, 255 elsewhere
    ``depth``        ``(1, H, W)``  disparity in pixels of the full-size stereo pair, 0 where not measured
    ================ ============== =====================================================================

    The target called ``depth`` is an *inverse* depth, as in MTAN and AdaShare: the disparity ``d``, whatever the size
    of the items. With the cameras' usual focal length (2262 pixels) and baseline (0.21 m), depth is about
    ``473 / d`` metres. Augmentation needs ``JointAugmentation(..., powers={"depth": 1})``.

    docs/data.md shows the files of each form.

    Args:
        root: the folder with ``leftImg8bit``, ``gtFine`` and ``disparity``, or with ``train`` and ``val``.
        split: ``"train"`` or ``"val"`` (the labels of the test images are not public).
        form: ``"official"`` or ``"mtan"``; found out by default, and kept as the attribute ``form``.
        tasks: names of the targets that items have.
        classes: 19 or 7; by default 19 in the official form, 7 in MTAN's.
        size: height and width of the items; None keeps the files' own.
        transform: called with image and targets, returns both.

    Raises:
        FileNotFoundError: a file or folder is missing.
        ValueError: a file is damaged; a form, a split, a task or ``classes`` is unknown.

    Example:
        >>> Cityscapes("nowhere")
        Traceback (most recent call last):
        FileNotFoundError: root: expected a folder, found none at nowhere.
    """

    name = "cityscapes"
    TASKS = USUAL = ("segmentation", "depth")
    FORMS = MappingProxyType({"official": OfficialForm, "mtan": CityscapesFolders})

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        form: str | None = None,
        *,
        tasks: Sequence[str] = USUAL,
        classes: int | None = None,
        size: int | tuple[int, int] | None = None,
        transform: Transform | None = None,
    ) -> None:
        super().__init__(root, split, form, tasks=tasks, classes=classes, size=size, transform=transform)
        self.class_names = tuple(LABELS[self.num_classes])
