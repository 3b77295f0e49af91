"""NYUv2: 1449 indoor images with classes, depth and surface normals, in the three forms in which it is handed on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from mt_torchattacks.data._classes import CLASS_NAMES
from mt_torchattacks.data._readers.base import Transform
from mt_torchattacks.data._readers.forms import FormsReader
from mt_torchattacks.data._readers.numpy_folders import NYUv2Folders
from mt_torchattacks.data._readers.nyuv2_mat import MatForm
from mt_torchattacks.data._readers.nyuv2_treemtl import TreeMTLForm


class NYUv2(FormsReader):
    """NYUv2 (Silberman et al., 2012), in the official form, TreeMTL's or LibMTL's. Nothing is downloaded.

    ================ ============== =====================================================================
    ``segmentation`` ``(H, W)``     class, int64, 255 where unlabelled
    ``normal``       ``(3, H, W)``  unit vector, zeros where invalid; from depth if the official file has none
    ``depth``        ``(1, H, W)``  metres, 0 where invalid
    ================ ============== =====================================================================

    Normals from depth are x right, y down, z forward, towards the camera; those that a file brings keep its axes.
    docs/data.md shows the files of each form.

    Args:
        root: the folder with ``nyu_depth_v2_labeled.mat``, with ``nyu_v2_3task.json``, or with ``train`` and ``val``.
        split: ``"train"`` (795 images) or ``"test"`` (654; the folder ``val`` of LibMTL's form); in TreeMTL's form a
            key of the index.
        form: ``"mat"``, ``"treemtl"`` or ``"libmtl"``; found out by default, and kept as the attribute ``form``.
        tasks: names of the targets that items have.
        classes: 40 or 13; by default 40 where the form has them.
        size: height and width of the items; None keeps the files' own.
        transform: called with image and targets, returns both.

    Raises:
        FileNotFoundError: a file or folder is missing.
        ValueError: no form or more than one is found; a file is damaged; a split, a task or ``classes`` is unknown.

    Example:
        >>> NYUv2("nowhere")
        Traceback (most recent call last):
        FileNotFoundError: root: expected a folder, found none at nowhere.
    """

    name = "nyuv2"
    TASKS = USUAL = ("segmentation", "normal", "depth")
    FORMS = MappingProxyType({"mat": MatForm, "treemtl": TreeMTLForm, "libmtl": NYUv2Folders})

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
        self.class_names = CLASS_NAMES[self.num_classes]
