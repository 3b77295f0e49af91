"""Training the models of the zoo from their recipes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from mt_torchattacks import checks
from mt_torchattacks.data import Rooms
from mt_torchattacks.models.branched import branched
from mt_torchattacks.models.checkpoint import load_checkpoint, save_checkpoint
from mt_torchattacks.tasks import Tasks, losses
from mt_torchattacks.training.baseline import MeanPrediction
from mt_torchattacks.training.fit import fit
from mt_torchattacks.training.measure import measure, standard_metrics
from mt_torchattacks.training.memory import InMemory


@dataclass(frozen=True)
class Recipe:
    """What one model of the zoo is trained on, and how; the fields are those of ``recipes/*.json``."""

    name: str
    backbone: str
    options: dict[str, Any]
    layout: str
    data: dict[str, Any]
    train: dict[str, int]
    test: dict[str, int]
    fit: dict[str, Any]

    @classmethod
    def named(cls, name: str) -> Recipe:
        """The recipe of a model, e.g. ``"rooms3/all-shared"``.

        Raises:
            ValueError: no such recipe; the message lists what is there.
        """
        checks.one_of(name, "recipe", recipe_names())
        family, variant = name.split("/")
        fields = _families()[family]
        return cls(name=name, layout=fields.pop("layouts")[variant], **fields)

    def shortened(self, *, epochs: int | None = None, rooms: int | None = None) -> Recipe:
        """The same recipe with another number of epochs or training rooms, where given."""
        fit = self.fit if epochs is None else self.fit | {"epochs": epochs}
        data = self.train if rooms is None else self.train | {"length": rooms}
        return replace(self, fit=fit, train=data)

    @property
    def heads(self) -> dict[str, int]:
        """The output channels of each task."""
        channels = {"segmentation": self.data["classes"], "normal": 3, "depth": 1}
        return {task: channels[task] for task in self.data["tasks"]}


def recipe_names() -> list[str]:
    """The models for which there is a recipe."""
    return [f"{family}/{variant}" for family, fields in _families().items() for variant in fields["layouts"]]


def standard_tasks() -> Tasks:
    """Segmentation, normals and depth with the losses that the zoo is trained and attacked with."""
    return Tasks(
        segmentation=losses.CrossEntropy(ignore_index=255),
        normal=losses.CosineDistance(valid=losses.nonzero),
        depth=losses.L1(valid=losses.positive),
    )


def train(recipe: Recipe, output: Path, *, progress: bool = True) -> dict[str, Any]:
    """Train a model, save it, and measure what was saved on held-out samples beside the mean prediction.

    Args:
        recipe: what to do.
        output: the folder for ``model.safetensors`` (half precision), ``model.json`` and ``log.csv``.
        progress: show a progress bar.

    Returns:
        the record that is in ``model.json``: the recipe, the model's clean ``metrics`` and the ``baseline``'s.
    """
    tasks, classes = standard_tasks(), recipe.data["classes"]
    data, held_out = (InMemory(Rooms(**(recipe.data | split))) for split in (recipe.train, recipe.test))
    torch.manual_seed(recipe.fit["seed"])
    model = branched(recipe.backbone, recipe.layout, recipe.heads, **recipe.options)
    start = time.perf_counter()
    fit(model, tasks, data, **recipe.fit, log=output / "log.csv", progress=progress)
    record = vars(recipe) | {"heads": recipe.heads, "training_seconds": round(time.perf_counter() - start)}
    save_checkpoint(model, record, output / "model", torch.float16)
    saved = load_checkpoint(output / "model")
    record["metrics"] = measure(saved, tasks, held_out, standard_metrics(classes))
    record["baseline"] = measure(MeanPrediction(data, classes), tasks, held_out, standard_metrics(classes))
    save_checkpoint(model, record, output / "model", torch.float16)
    return record


def _families() -> dict[str, dict[str, Any]]:
    folder = resources.files("mt_torchattacks.recipes")
    return {
        file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".json")
    }
