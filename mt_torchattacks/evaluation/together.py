"""One measurement by several processes: each takes some of the batches (``torchrun``)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import distributed

from mt_torchattacks import checks
from mt_torchattacks.evaluation.measure import AttackFunction, measure
from mt_torchattacks.evaluation.named import NamedData, NamedModel
from mt_torchattacks.evaluation.processes import processes
from mt_torchattacks.evaluation.result import Measurements


def measure_together(
    model: NamedModel,
    data: NamedData,
    attack: AttackFunction | None = None,
    *,
    per_sample: bool = False,
    progress: str | None = None,
) -> Measurements:
    """As :func:`~mt_torchattacks.evaluation.measure`; of several processes each takes every so many-th batch.

    Metrics and losses are those of all images, on every process; the seconds are the longest process's.

    Args:
        model, data: what is measured, the same on all processes.
        attack, per_sample, progress: see there.

    Raises:
        ValueError: fewer batches than processes; see also there.
    """
    rank, size = processes()
    batches = len(data.sizes)
    checks.require(
        batches >= size, "batch_size", f"one that gives a batch to each of {size} processes", f"{batches} in all"
    )
    part = data if size == 1 else data.part(rank, size)
    found = measure(
        model.model, data.tasks, part.batches, data.metrics, attack,
        per_sample=per_sample, progress=None if rank else progress,
    )  # fmt: skip
    if size == 1:
        return found
    every: list[Any] = [None] * size
    distributed.all_gather_object(every, (found.seconds, found.sample_losses))
    losses = {task: _in_order([of[task] for _, of in every], data.sizes) for task in data.tasks} if per_sample else None
    return replace(found, samples=len(data), seconds=max(of for of, _ in every), sample_losses=losses)


def _in_order(parts: list[list[float]], sizes: list[int]) -> list[float]:
    """The samples' values in the order of the data, of processes that each had every so many-th batch."""
    left = [iter(part) for part in parts]
    return [next(left[i % len(parts)]) for i, size in enumerate(sizes) for _ in range(size)]
