"""Recipes: what a model is trained on and how, one JSON file for each family of models."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks
from mt_torchattacks.data import DATASETS, JointAugmentation, RandomMirror
from mt_torchattacks.data.batches import Augmentation
from mt_torchattacks.data.catalogue import on_disk
from mt_torchattacks.models.layouts import Layout, published_layouts
from mt_torchattacks.plugins import load_plugins
from mt_torchattacks.tasks.kinds import find

if TYPE_CHECKING:
    from importlib.abc import Traversable

RECIPE_FOLDERS: list[Traversable] = [resources.files("mt_torchattacks.training.recipes")]
"""Where recipes are found; a plugin appends its own folder, a ``pathlib.Path``."""


@dataclass(frozen=True)
class Recipe:
    """What one model is trained on, and how; the fields are those of ``recipes/*.json``.

    Args:
        name: family and variant.
        backbone, options, layout: see :func:`~mt_torchattacks.models.branched`.
        data: arguments of the data set, and its ``name`` (:data:`~mt_torchattacks.data.DATASETS`; rooms by default).
        train, test: further arguments of the training and of the held-out samples.
        fit: arguments of :func:`~mt_torchattacks.training.fit`.
        augment: arguments of :class:`~mt_torchattacks.data.JointAugmentation`; without, images are mirrored only.
        class_weights: weight the classes of the segmentation as the data set says.
        attack: for adversarial training, arguments of :func:`~mt_torchattacks.create` (``name``, ``balance``, ``eps``,
            ...), the ``ratio`` of images that are attacked (1 by default), and those of
            :class:`~mt_torchattacks.training.Scheme`, for whose ``keep`` the mix stands and the number of ``held_out``
            training images; empty for clean training.
        start: model of the zoo, or path of a checkpoint, whose weights the training starts with; empty for random ones.
    """

    name: str
    backbone: str
    options: dict[str, Any]
    layout: str
    data: dict[str, Any]
    train: dict[str, Any]
    test: dict[str, Any]
    fit: dict[str, Any]
    augment: dict[str, Any] = field(default_factory=dict)
    class_weights: bool = False
    attack: dict[str, Any] = field(default_factory=dict)
    start: str = ""

    @classmethod
    def named(cls, name: str) -> Recipe:
        """The recipe of a model, e.g. ``"rooms3/all-shared"``.

        Raises:
            ValueError: no such recipe; the message lists what is there.
        """
        checks.one_of(name, "recipe", recipe_names())
        family, variant = name.split("/")
        fields = _families()[family]
        return cls(name=name, layout=_layouts(fields.pop("layouts"))[variant], **fields)

    def shortened(self, *, epochs: int | None = None, rooms: int | None = None) -> Recipe:
        """The same recipe with another number of epochs or training rooms, where given.

        Raises:
            ValueError: a number of rooms, and the data set is not rooms.
        """
        fit = self.fit if epochs is None else self.fit | {"epochs": epochs}
        checks.require(rooms is None or self.dataset == "rooms", "rooms", f"none, the data are {self.dataset}", rooms)
        return replace(self, fit=fit, train=self.train if rooms is None else self.train | {"length": rooms})

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return str(self.data.get("name", "rooms"))

    def samples(self, root: Path | None) -> tuple[Any, Any]:
        """The training and the held-out samples.

        Args:
            root: the data set's folder; None for one that needs none, as rooms.

        Raises:
            ValueError: a data set on disk without a folder.
        """
        checks.require(root is not None or not on_disk(self.dataset), "data", f"the folder of {self.dataset}", "none")
        place = (root,) if on_disk(self.dataset) else ()
        shared = {key: value for key, value in self.data.items() if key != "name"}
        train, test = (DATASETS[self.dataset](*place, **(shared | split)) for split in (self.train, self.test))
        return train, test

    def augmentation(self) -> Augmentation:
        """What is done to a training sample."""
        return JointAugmentation(**self.augment) if self.augment else RandomMirror()

    def heads(self, num_classes: int) -> dict[str, int]:
        """The output channels of each task."""
        return {task: find(task).channels(num_classes) for task in self.data["tasks"]}


def recipe_names() -> list[str]:
    """The models for which there is a recipe."""
    return [f"{family}/{variant}" for family, fields in _families().items() for variant in _layouts(fields["layouts"])]


def _layouts(given: str | dict[str, str]) -> dict[str, str]:
    """Layouts by variant: all published ones of a data set, or those listed, by published name or written out."""
    published = published_layouts()
    if isinstance(given, str):
        given = {name.split("/")[1]: name for name in published if name.startswith(f"{given}/")}
    return {
        variant: str(Layout.named(layout) if layout in published else Layout.parse(layout))
        for variant, layout in given.items()
    }


def _families() -> dict[str, dict[str, Any]]:
    load_plugins()
    return {
        file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
        for folder in RECIPE_FOLDERS
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".json")
    }
