"""The zoo's models and rooms that they were not trained on: what the benchmarks of attacks measure with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.tasks import standard_metrics, standard_tasks

SEED = 1  # the zoo was trained on rooms of seed 0

Batch = tuple[Tensor, dict[str, Tensor]]


def batches(count: int, size: int = 16) -> list[Batch]:
    """The first ``count`` held-out rooms."""
    rooms = mta.data.Rooms(length=count, size=64, seed=SEED)
    return [rooms.render(range(start, min(start + size, count))) for start in range(0, count, size)]


def evaluate(model: nn.Module, loader: list[Batch], attacks: Mapping[str, Any]) -> Any:
    """The standard metrics of the three tasks, clean and under each attack."""
    tasks = standard_tasks()
    metrics = standard_metrics(tuple(tasks), num_classes=13)
    return mta.evaluate(model, tasks, loader, attacks, metrics)
