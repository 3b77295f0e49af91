"""Small copies of the data sets that are read from a folder, byte for byte in their formats.

``FACTORIES`` has one function a form, named after the data set in the registry: it writes items ``(image, targets)``
into a folder and returns the data set that reads them. Labels are the items' own; Rooms' 13 classes fit every form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
import scipy.io
from PIL import Image
from torch import Tensor

from mt_torchattacks.data._readers.base import Reader
from mt_torchattacks.data.cityscapes import Cityscapes
from mt_torchattacks.data.nyuv2 import NYUv2
from mt_torchattacks.data.taskonomy import TinyTaskonomy

Array: TypeAlias = "np.ndarray[Any, Any]"
Items: TypeAlias = Sequence[tuple[Tensor, dict[str, Tensor]]]

CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


def png(path: Path, pixels: Array, mode: str | None = None) -> Path:
    """Write an image: ``(H, W)`` of 8 or 16 bits, or ``(H, W, 3)``, converted to a mode if one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(pixels)
    (picture if mode is None else picture.convert(mode)).save(path)
    return path


def npy(path: Path, values: Array) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)
    return path


def bytes_of(image: Tensor) -> Array:
    """``(3, H, W)`` in [0, 1] as ``(H, W, 3)`` bytes."""
    return (image * 255).round().byte().movedim(0, -1).numpy()


def normal_bytes(normal: Tensor) -> Array:
    return bytes_of((normal + 1) / 2)


def official_mapping() -> Array:
    """A mapping of the 894 labels onto 40 classes, in no order; the real one is not shipped."""
    return np.random.default_rng(0).permutation(np.arange(894) % 40 + 1)


def official_labels(labels: Tensor) -> Array:
    """A label of the 894 for each of 40 classes; 0 for 255."""
    mapping = official_mapping()
    table = np.zeros(256, np.uint16)
    table[:40] = [np.flatnonzero(mapping == number + 1)[-1] + 1 for number in range(40)]
    return table[labels.numpy()]


def nyuv2_mat(root: Path, items: Items, **options: Any) -> NYUv2:
    """The items in reverse order, as images 2, 3, ...; image 1 is black and the only one to test with."""
    stored = {
        "images": [bytes_of(image).transpose(2, 1, 0) for image, _ in items],
        "depths": [targets["depth"][0].numpy().T for _, targets in items],
        "labels": [official_labels(targets["segmentation"]).T for _, targets in items],
    }
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w", userblock_size=512) as file:
        for name, values in stored.items():
            ordered = np.stack([np.zeros_like(values[0]), *values[::-1]])
            file.create_dataset(name, data=ordered, chunks=(1, *ordered.shape[1:]), compression="gzip")
    numbers = np.arange(len(items) + 1, 1, -1, dtype=np.uint16)[:, None]
    scipy.io.savemat(root / "splits.mat", {"trainNdxs": numbers, "testNdxs": np.array([[1]], np.uint16)})
    scipy.io.savemat(root / "classMapping40.mat", {"mapClass": official_mapping()[None].astype(np.uint8)})
    return NYUv2(root, **{"classes": 40, **options})


def nyuv2_treemtl(root: Path, items: Items, **options: Any) -> NYUv2:
    rows = []
    for number, (image, targets) in enumerate(items):
        rows.append([f"{folder}/{number:04d}.png" for folder in ("img", "seg", "normal_mask")])
        rows[-1].append(f"depth/{number:04d}.npy")
        files = [root / name for name in rows[-1]]
        png(files[0], bytes_of(image))
        png(files[1], targets["segmentation"].byte().numpy())
        png(files[2], normal_bytes(targets["normal"]))
        npy(files[3], targets["depth"][0].numpy())
    (root / "nyu_v2_3task.json").write_text(json.dumps({"train": rows, "test": rows[:1]}), "utf-8")
    return NYUv2(root, **options)


def nyuv2_libmtl(root: Path, items: Items, **options: Any) -> NYUv2:
    for split in ("train", "val"):
        for number, (image, targets) in enumerate(items):
            label = targets["segmentation"].float().numpy()
            values = {
                "image": image.movedim(0, -1).numpy().astype(np.float64),
                "label": np.where(label == 255, -1, label),
                "normal": targets["normal"].movedim(0, -1).numpy(),
                "depth": targets["depth"].movedim(0, -1).numpy(),
            }
            for folder, array in values.items():
                npy(root / split / folder / f"{number}.npy", array)
    return NYUv2(root, **options)


def taskonomy_files(folder: Path, pattern: str, point: int, image: Tensor, targets: dict[str, Tensor]) -> list[Path]:
    """One item's files; ``pattern`` has ``{domain}`` for the folder."""
    label = targets["segmentation"].numpy()
    pixels = {
        "rgb": bytes_of(image),
        "segment_semantic": np.where(label == 255, 0, label + 1).astype(np.uint8),
        "normal": normal_bytes(targets["normal"]),
        **{name: depth_16bit(targets["depth"]) for name in ("depth_zbuffer", "depth_euclidean")},
        **{
            name: np.full(label.shape, 100, np.uint16)
            for name in ("keypoints2d", "edge_texture", "edge_occlusion", "keypoints3d")
        },
        **{name: np.full((*label.shape, 3), 127, np.uint8) for name in ("principal_curvature", "reshading")},
    }
    files = []
    for domain, values in pixels.items():
        ending = domain.replace("segment_semantic", "segmentsemantic")
        name = f"point_{point}_view_0_domain_{ending}.png"
        files.append(png(folder / pattern.format(domain=domain) / name, values))
    return files


def depth_16bit(depth: Tensor) -> Array:
    """Depth in 1/512 m, the largest number where there is none."""
    values = (depth[0] * 512).round()
    return values.where(depth[0] > 0, 65535).numpy().astype(np.uint16)


def taskonomy_folders(root: Path, items: Items, **options: Any) -> TinyTaskonomy:
    for number, (image, targets) in enumerate(items):
        building = ("allensville", "beechwood")[number % 2]
        taskonomy_files(root, f"{{domain}}/taskonomy/{building}", number, image, targets)
    return TinyTaskonomy(root, **options)


def taskonomy_index(root: Path, items: Items, **options: Any) -> TinyTaskonomy:
    order = ("rgb", "segment_semantic", "normal", "depth_zbuffer", "keypoints2d", "edge_texture")
    rows = []
    for number, (image, targets) in enumerate(items):
        files = taskonomy_files(root / "train", "allensville/{domain}", number, image, targets)
        by_domain = {path.parent.name: path.relative_to(root / "train").as_posix() for path in files}
        rows.append([by_domain[domain] for domain in order])
    (root / "taskonomy.json").write_text(json.dumps({"train": rows}), "utf-8")
    npy(root / "semseg_prior_factor.npy", np.linspace(0.5, 2, 17))
    return TinyTaskonomy(root, **options)


def cityscapes(root: Path, items: Items, **options: Any) -> Cityscapes:
    """Disparity is 47.3 / depth pixels, a tenth of the real cameras'; class 0 is the road, and so on."""
    table = np.zeros(256, np.uint8)
    table[:19] = CITYSCAPES_IDS
    for number, (image, targets) in enumerate(items):
        city = ("aachen", "bochum")[number % 2]
        stem = f"{city}_000000_{number:06d}"
        png(root / f"leftImg8bit/train/{city}/{stem}_leftImg8bit.png", bytes_of(image))
        png(root / f"gtFine/train/{city}/{stem}_gtFine_labelIds.png", table[targets["segmentation"].numpy()])
        depth = targets["depth"][0]
        disparity = (47.3 / depth * 256 + 1).round().clamp(1, 65535).where(depth > 0, 0)
        png(root / f"disparity/train/{city}/{stem}_disparity.png", disparity.numpy().astype(np.uint16))
    return Cityscapes(root, **options)


CITYSCAPES_CATEGORIES = (0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 6, 6, 6, 6, 6)
"""For each of the 19 classes, the one of the 7 that holds it."""


def cityscapes_mtan(root: Path, items: Items, **options: Any) -> Cityscapes:
    """Disparity as in :func:`cityscapes`, as a share of the 16-bit range."""
    for number, (image, targets) in enumerate(items):
        label, depth = targets["segmentation"].numpy(), targets["depth"].movedim(0, -1)
        share = ((47.3 / depth * 256 + 1) / 65535).where(depth > 0, 0)
        categories = np.array(CITYSCAPES_CATEGORIES)[np.where(label == 255, 0, label)]
        values = {
            "image": image.movedim(0, -1).numpy(),
            "label_19": np.where(label == 255, -1, label).astype(np.float32),
            "label_7": np.where(label == 255, -1, categories).astype(np.float32),
            "depth": share.clamp_max(1).numpy(),
        }
        for split, (folder, array) in product(("train", "val"), values.items()):
            npy(root / split / folder / f"{number}.npy", array)
    return Cityscapes(root, **{"classes": 19, **options})


FACTORIES: dict[str, Callable[..., Reader]] = {
    "nyuv2/mat": nyuv2_mat,
    "nyuv2/treemtl": nyuv2_treemtl,
    "nyuv2/libmtl": nyuv2_libmtl,
    "tiny_taskonomy/folders": taskonomy_folders,
    "tiny_taskonomy/index": taskonomy_index,
    "cityscapes": cityscapes,
    "cityscapes/mtan": cityscapes_mtan,
}
