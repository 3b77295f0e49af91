"""Tiny-Taskonomy: the 35 buildings of the smallest partition of Taskonomy, with up to eleven targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._readers import decode, files
from mt_torchattacks.data._readers.base import Reader, Transform

BUILDINGS = {
    "train": (
        "allensville", "beechwood", "benevolence", "coffeen", "cosmos", "forkland", "hanson", "hiteman", "klickitat",
        "lakeville", "leonardo", "lindenwood", "marstons", "merom", "mifflinburg", "newfields", "onaga", "pinesdale",
        "pomaria", "ranchester", "shelbyville", "stockman", "tolstoy", "wainscott", "woodbine",
    ),
    "val": ("collierville", "corozal", "darden", "markleeville", "wiconisco"),
    "test": ("ihlen", "mcdade", "muleshoe", "noxapater", "uvalda"),
}  # fmt: skip
"""The buildings of Tiny-Taskonomy (Zamir et al., 2018), by split."""

CLASS_NAMES = (
    "background", "bottle", "chair", "couch", "potted plant", "bed", "dining table", "toilet", "tv",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase",
)  # fmt: skip

INDEX = "taskonomy.json"
WEIGHTS = "semseg_prior_factor.npy"

_DOMAINS = {
    "image": "rgb",
    "segmentation": "segment_semantic",
    "normal": "normal",
    "depth": "depth_zbuffer",
    "keypoints2d": "keypoints2d",
    "edge_texture": "edge_texture",
    "depth_euclidean": "depth_euclidean",
    "keypoints3d": "keypoints3d",
    "edge_occlusion": "edge_occlusion",
    "principal_curvature": "principal_curvature",
    "reshading": "reshading",
}
"""The folder of the image and of each task's files."""

_COLUMNS = tuple(_DOMAINS)[:6]
"""What the index lists for each item, in this order."""

_FOLDERS = ("rgb/{building}", "rgb/taskonomy/{building}", "{building}/rgb", "{split}/{building}/rgb")
_HIGHEST = {"keypoints2d": 0.005, "edge_texture": 0.08, "edge_occlusion": 0.00625, "keypoints3d": 1.0}
"""The share of the 16-bit range that becomes 1."""

_NO_DEPTH = 64500
"""A depth from here on is a hole in the scan."""


class TinyTaskonomy(Reader):
    """Tiny-Taskonomy (Zamir et al., 2018): the data of the papers' second set of experiments and of [G].

    ======================= ============== ==============================================================
    ``segmentation``        ``(H, W)``     class 0-16, int64, 255 where the labels are uncertain
    ``normal``              ``(3, H, W)``  unit vector in the files' axes, zeros where there is no depth
    ``depth``               ``(1, H, W)``  z-buffer depth in metres, 0 in holes of the scan
    ``depth_euclidean``     ``(1, H, W)``  distance from the camera in metres, 0 in holes
    ``keypoints2d``         ``(1, H, W)``  in [0, 1], of the 16-bit range the lowest 0.5 %
    ``edge_texture``        ``(1, H, W)``  in [0, 1], of the 16-bit range the lowest 8 %
    ``edge_occlusion``      ``(1, H, W)``  in [0, 1], of the 16-bit range the lowest 0.625 %
    ``keypoints3d``         ``(1, H, W)``  in [0, 1]
    ``principal_curvature`` ``(2, H, W)``  in [-1, 1], 0 is flat
    ``reshading``           ``(1, H, W)``  in [0, 1]
    ``autoencoder``         ``(3, H, W)``  the image
    ======================= ============== ==============================================================

    docs/data.md shows the files, and says where the papers' own code scales a target differently.

    Args:
        root: the folder with the files, or with an index ``taskonomy.json``.
        split: ``"train"`` (25 buildings), ``"val"`` (5) or ``"test"`` (5); with an index, a key of it.
        tasks: names of the targets that items have.
        size: height and width of the items; None keeps the files' own.
        transform: called with image and targets, returns both.

    Raises:
        FileNotFoundError: a file or folder is missing.
        ValueError: a file is damaged; the split or a task is unknown.

    Example:
        >>> TinyTaskonomy.num_classes, TinyTaskonomy.class_names[2]
        (17, 'chair')
    """

    name = "tiny_taskonomy"
    TASKS = (*tuple(_DOMAINS)[1:], "autoencoder")
    USUAL = _COLUMNS[1:]
    num_classes = len(CLASS_NAMES)
    class_names = CLASS_NAMES

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        *,
        tasks: Sequence[str] = USUAL,
        size: int | tuple[int, int] | None = None,
        transform: Transform | None = None,
    ) -> None:
        super().__init__(root, tasks, size, transform)
        self._index = self.root / INDEX
        self._is_indexed = self._index.exists()
        self._items = (_indexed if self._is_indexed else _walked)(self.root, split)
        # Label 0 is 'uncertain'; 1 to 17 are the classes.
        self._table = torch.cat([torch.tensor([decode.IGNORE]), torch.arange(self.num_classes)])

    def __len__(self) -> int:
        return len(self._items)

    def file(self, index: int, name: str) -> Path:
        listed = dict(zip(_COLUMNS, self._items[index], strict=False))  # without an index, only the image
        name = "image" if name == "autoencoder" else name
        path = listed.get(name) or _sibling(listed["image"], _DOMAINS[name])
        return files.inside(self.root, path, self._index) if self._is_indexed else self.root / path

    def read(self, index: int, name: str) -> Tensor:
        path = self.file(index, name)
        if name in ("image", "autoencoder"):
            return decode.read_rgb(path)
        if name == "segmentation":
            return decode.classes(files.read_labels(path), self._table, path)
        if name == "normal":
            normal, depth = decode.read_directions(path), self.read(index, "depth")
            same = normal.shape[1:] == depth.shape[1:]
            checks.require(same, str(path), f"the depth's size {tuple(depth.shape[1:])}", tuple(normal.shape[1:]))
            return torch.where(depth > 0, normal, 0.0)
        if name == "reshading":
            return decode.read_rgb(path).mean(dim=0, keepdim=True)
        if name == "principal_curvature":
            return (decode.read_rgb(path)[:2] * 255 - 127) / 128
        values = decode.floats(files.read_labels(path)[None])
        if name in _HIGHEST:
            return (values / 2**16 / _HIGHEST[name]).clamp_max(1)
        return torch.where(values < _NO_DEPTH, values / 512, 0.0)

    def class_weights(self) -> Tensor:
        """Taskonomy's prior factor, ``(17,)``: weights of the classes for the cross-entropy, from a file with the data.

        Raises:
            FileNotFoundError: there is no ``semseg_prior_factor.npy`` in the data's folder; then
                :func:`~mt_torchattacks.data.prior_factor` gives weights from the classes' frequencies.
            ValueError: it does not hold 17 finite numbers >= 0.
        """
        path = self.root / WEIGHTS
        weights = decode.floats(files.read_array(path)).flatten()
        fits = len(weights) == self.num_classes and bool(((weights >= 0) & weights.isfinite()).all())
        checks.require(fits, str(path), f"{self.num_classes} finite weights >= 0", f"{len(weights)} numbers")
        return weights


def _indexed(root: Path, split: str) -> list[list[str]]:
    """The paths of an index, which start from the root or from a folder in it with the split's name."""
    items = files.read_index(root / INDEX, split, len(_COLUMNS))
    moved = bool(items) and not (root / items[0][0]).exists() and (root / split / items[0][0]).exists()
    return [[f"{split}/{path}" for path in row] for row in items] if moved else items


def _walked(root: Path, split: str) -> list[list[str]]:
    """The path of each image, in the order of buildings and file names."""
    checks.one_of(split, "split", BUILDINGS)
    items: list[list[str]] = []
    for building in BUILDINGS[split]:
        for pattern in _FOLDERS:
            found = (root / pattern.format(building=building, split=split)).glob("*_domain_rgb.png")
            items += [[path.relative_to(root).as_posix()] for path in sorted(found)]
    if not items:
        expected = f"{INDEX} or images *_domain_rgb.png of a {split} building, such as {BUILDINGS[split][0]}, in {root}"
        checks.fail("root", expected, files.content(root), FileNotFoundError)
    return items


def _sibling(image: str, domain: str) -> str:
    """The path of another domain's file, from the image's."""
    *folders, name = image.split("/")
    checks.require("rgb" in folders, image, "a path with the folder 'rgb'", "none")
    folders[len(folders) - 1 - folders[::-1].index("rgb")] = domain
    ending = "segmentsemantic" if domain == "segment_semantic" else domain
    return "/".join([*folders, f"{name.removesuffix('rgb.png')}{ending}.png"])
