"""The data set that is always there: random indoor scenes with exact labels."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._classes import CLASS_NAMES, FROM_40
from mt_torchattacks.data._rooms.batch import collate, scene_key
from mt_torchattacks.data._rooms.compose import compose
from mt_torchattacks.data._rooms.labels import DENSE
from mt_torchattacks.data._rooms.raycast import cast
from mt_torchattacks.data._rooms.shading import render
from mt_torchattacks.data.base import NamedDataset

_PIXELS_AT_ONCE = 65536


class Rooms(NamedDataset):
    """Random furnished rooms, ray cast, with a pixel-exact label for each of eleven tasks.

    Item ``i`` depends on ``(seed, i)``, the size and the number of classes only: bit for bit the same alone and in a
    batch, for any length, set of tasks and number of threads, and without touching the global random numbers.

    Camera coordinates are x right, y down, z forward; the labels are those of NYUv2 (40 classes, or 13) and Taskonomy:

    ======================= ============= =========================================================
    ``segmentation``        ``(H, W)``    class index, int64; every pixel has one
    ``normal``              ``(3, H, W)`` unit vector towards the camera, camera coordinates
    ``depth``               ``(1, H, W)`` depth along the optical axis, metres
    ``depth_euclidean``     ``(1, H, W)`` distance from the camera, metres
    ``principal_curvature`` ``(2, H, W)`` larger and smaller, in 1 / (0.1 m), convex positive
    ``edge_occlusion``      ``(1, H, W)`` in [0, 1]: one surface hides another
    ``keypoints3d``         ``(1, H, W)`` in [0, 1]: corners of surfaces
    ``reshading``           ``(1, H, W)`` in [0, 1]: matt white surfaces lit from the camera
    ``edge_texture``        ``(1, H, W)`` in [0, 1]: gradient of the grey image
    ``keypoints2d``         ``(1, H, W)`` in [0, 1]: determinant of the Hessian of the grey image
    ``autoencoder``         ``(3, H, W)`` the image
    ======================= ============= =========================================================

    Args:
        length: number of items.
        size: image height and width in pixels, one number for both or two.
        seed: a whole number; different seeds give unrelated scenes.
        tasks: names of the labels that items have.
        classes: 40 or 13.

    Raises:
        TypeError: ``length``, ``size``, ``seed`` or ``tasks`` is of another type.
        ValueError: ``length`` is negative, a size is not positive, ``classes`` or a task is unknown.

    Example:
        >>> image, targets = Rooms(length=8, size=32)[3]
        >>> image.shape, sorted(targets)
        (torch.Size([3, 32, 32]), ['depth', 'normal', 'segmentation'])
    """

    name = "rooms"

    TASKS = ("segmentation", *DENSE)
    """Names of all labels there are."""

    def __init__(
        self,
        length: int = 256,
        size: int | tuple[int, int] = 64,
        seed: int = 0,
        tasks: Sequence[str] = ("segmentation", "normal", "depth"),
        classes: int = 13,
    ) -> None:
        self.length = _whole("length", length)
        checks.require(self.length >= 0, "length", "a number >= 0", length)
        self.size = _size(size)
        self.seed = _whole("seed", seed)
        checks.require(not isinstance(tasks, str), "tasks", "a sequence of names", repr(tasks), TypeError)
        for task in tasks:
            checks.one_of(task, "tasks", self.TASKS)
        self.tasks = tuple(tasks)
        checks.require(classes in CLASS_NAMES, "classes", "40 or 13", repr(classes))
        self.num_classes = classes
        self.class_names = CLASS_NAMES[classes]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Tensor]]:
        """One item: the image ``(3, H, W)`` and its labels."""
        images, targets = self.render([index])
        return images[0], {task: target[0] for task, target in targets.items()}

    def render(self, indices: Sequence[int] | range) -> tuple[Tensor, dict[str, Tensor]]:
        """Several items at once, faster than one by one.

        Args:
            indices: any indices of the data set, at least one; negative ones count from the end.

        Returns:
            Images ``(N, 3, H, W)`` and, for each task, labels with the same first dimension.

        Raises:
            IndexError: an index is outside the data set.
            ValueError: there is no index.

        Example:
            >>> images, targets = Rooms(length=8, size=(24, 32)).render([0, 5])
            >>> targets["normal"].shape
            torch.Size([2, 3, 24, 32])
        """
        checks.require(len(indices) > 0, "indices", "at least one index", "none")
        keys = [scene_key(self.seed, self._position(index)) for index in indices]
        step = max(1, _PIXELS_AT_ONCE // (self.size[0] * self.size[1]))
        parts = [self._render(keys[start : start + step]) for start in range(0, len(keys), step)]
        names = ("image", *self.tasks)
        joined = {name: torch.cat([part[name] for part in parts]) for name in names}
        return joined.pop("image"), joined

    @torch.no_grad()
    def _render(self, keys: list[int]) -> dict[str, Tensor]:
        batch = collate([compose(key) for key in keys], keys, self.size)
        hits = cast(batch.shapes, batch.cameras, *self.size)
        images = render(hits, batch.shapes, batch.casts, batch.materials, batch.cameras, batch.lighting, batch.noise)
        result = {"image": images}
        for task in self.tasks:
            if task == "segmentation":
                label = FROM_40[self.num_classes][batch.shapes.label[hits.shape]]
                result[task] = label.view(len(keys), *self.size)
            else:
                result[task] = DENSE[task](hits, images)
        return result

    def _position(self, index: int) -> int:
        index = operator.index(index)
        position = index + self.length if index < 0 else index
        checks.require(0 <= position < self.length, "index", f"an index below {self.length}", index, IndexError)
        return position


def _whole(name: str, value: Any) -> int:
    checks.require(
        isinstance(value, int) and not isinstance(value, bool), name, "a whole number", repr(value), TypeError
    )
    return int(value)


def _size(size: Any) -> tuple[int, int]:
    pair = size if isinstance(size, (tuple, list)) else (size, size)
    checks.require(len(pair) == 2, "size", "one number or (height, width)", repr(size))
    height, width = (_whole("size", side) for side in pair)
    checks.require(height > 0 and width > 0, "size", "positive numbers", repr(size))
    return height, width
