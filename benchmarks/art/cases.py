"""What is attacked: a model of the zoo on rooms, and a pretrained face detector on photographs."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mt_torchattacks import Tasks
from mt_torchattacks.data import Rooms
from mt_torchattacks.metrics import TaskMetrics
from mt_torchattacks.models.zoo import zoo
from mt_torchattacks.tasks import standard_metrics, standard_tasks
from mt_torchattacks.training import InMemory

Batch = tuple[Tensor, Mapping[str, Tensor]]
_EXAMPLE = Path(__file__).parents[2] / "examples" / "face_detector.py"


@dataclass(frozen=True)
class Case:
    """A model, its tasks and batches.

    :param name: Its name, also of its files.
    :param model: In evaluation mode.
    :param tasks: Its tasks.
    :param batches: `(images, targets)`.
    :param metrics: Accumulators by task; a task without one gets the mean of its loss.
    :param relative: Whether the relative change of the metrics means something: none of them is 0 without attack.
    """

    name: str
    model: nn.Module
    tasks: Tasks
    batches: list[Batch]
    metrics: dict[str, TaskMetrics]
    relative: bool = True


def rooms(model: str | nn.Module, count: int, batch_size: int) -> Case:
    """A model of the zoo, or one with the same tasks, on rooms that the zoo was not trained on."""
    network = zoo(model) if isinstance(model, str) else model
    data = Rooms(length=count, seed=1)
    held = InMemory(data)
    batches: list[Batch] = [held.take(indices) for indices in held.batches(batch_size)]
    return Case("rooms", network, standard_tasks(), batches, standard_metrics(list(standard_tasks()), data.num_classes))


def faces(count: int, batch_size: int) -> Case | None:
    """O-Net's three heads on photographs of faces; None where the example, or what it needs, is not installed.

    Boxes and landmarks have the model's own predictions for targets, so their errors without attack are 0.
    """
    try:
        example = _example()
    except ImportError as missing:
        print(f"the face detector is left out: {missing}")
        return None
    model = example.FaceDetector()
    images, targets = example.with_targets(model, example.photographs("faces", count), 1)
    parts = [slice(start, start + batch_size) for start in range(0, len(images), batch_size)]
    batches: list[Batch] = [(images[i], {name: target[i] for name, target in targets.items()}) for i in parts]
    return Case("faces", model, example.TASKS, batches, {}, relative=False)


def _example() -> Any:
    if not _EXAMPLE.exists():
        raise ImportError(f"{_EXAMPLE} is not there")
    spec = importlib.util.spec_from_file_location("face_detector", _EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("face_detector", module)
    spec.loader.exec_module(module)
    return module
