"""A model and the data that it is measured on, with the names and digests by which a store tells them from others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import nn
from torchmetrics import Metric

from mt_torchattacks import checks
from mt_torchattacks.data.memory import Batch
from mt_torchattacks.data.stream import Streamed, fits
from mt_torchattacks.evaluation.measure import device_of
from mt_torchattacks.evaluation.store import fingerprint
from mt_torchattacks.tasks import Tasks, standard_metrics, standard_tasks
from mt_torchattacks.types import Images, Targets


@dataclass(frozen=True)
class NamedModel:
    """A model that is measured.

    Args:
        name: its name in tables and files.
        model: images to outputs by task.
    """

    name: str
    model: nn.Module

    @cached_property
    def weights(self) -> str:
        """A digest of its parameters and buffers."""
        return fingerprint(self.model.state_dict())

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return device_of(self.model)


@dataclass(frozen=True)
class NamedData:
    """Images with the tasks' targets, losses and metrics.

    Args:
        name: says in tables and files what the images are.
        batches: ``(images, targets)``, images ``(N, C, H, W)`` or other inputs ``(N, ...)``.
        tasks: the tasks and their losses.
        metrics: one accumulator a task; a task without one gets the mean of its loss.
        class_names: names of the classes of a segmentation, where they are known.
    """

    name: str
    batches: Sequence[tuple[Images, Targets]]
    tasks: Tasks
    metrics: Mapping[str, Metric]
    class_names: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        name: str,
        dataset: Any,
        count: int,
        batch_size: int = 16,
        *,
        in_memory: bool | None = None,
        workers: int = 0,
    ) -> NamedData:
        """The first ``count`` items of a data set, with the losses and metrics of its tasks.

        Args:
            name: see the class.
            dataset: map-style, items ``(image, {task: target})``. Its attribute ``tasks`` holds names that have
                standard losses and metrics (:func:`~mt_torchattacks.standard_tasks`), or is an ``mta.Tasks``; then the
                attribute ``metrics``, if there is one, has accumulators by task.
            count: number of items.
            batch_size: items a batch.
            in_memory: read all items now and hold them; otherwise each batch is read when it is looked at, each time
                anew, so that the memory that is used does not grow with their number. By default up to a gibibyte is
                held.
            workers: processes that read; of what is not held they read ahead.

        Raises:
            ValueError: no image, more than the data set has, an empty batch, or a task without a standard loss.

        Example:
            >>> import mt_torchattacks as mta
            >>> data = NamedData.of("rooms", mta.data.Rooms(length=6, seed=1), 5, batch_size=2)
            >>> len(data), list(data.tasks), [len(images) for images, _ in data.batches]
            (5, ['segmentation', 'normal', 'depth'], [2, 2, 1])
        """
        checks.require(count >= 1, "images", "a number >= 1", count)
        checks.require(count <= len(dataset), "images", f"at most the {len(dataset)} that there are", count)
        checks.require(batch_size >= 1, "batch_size", "a number >= 1", batch_size)
        batches: Sequence[Batch] = Streamed(dataset, count, batch_size, workers=workers)
        if fits(dataset, count) if in_memory is None else in_memory:
            batches = list(batches)
        if isinstance(dataset.tasks, Tasks):
            return cls(name, batches, dataset.tasks, getattr(dataset, "metrics", {}))
        metrics = standard_metrics(dataset.tasks, getattr(dataset, "num_classes", None))
        return cls(name, batches, standard_tasks(dataset.tasks), metrics, getattr(dataset, "class_names", ()))

    @property
    def in_memory(self) -> bool:
        """Whether all batches are held; otherwise each is read when it is looked at."""
        return not isinstance(self.batches, Streamed)

    @property
    def sizes(self) -> list[int]:
        """The number of images in each batch."""
        return self.batches.sizes if isinstance(self.batches, Streamed) else [len(images) for images, _ in self.batches]

    def __len__(self) -> int:
        return sum(self.sizes)

    def on(self, device: torch.device) -> Iterator[tuple[Images, Targets]]:
        """The batches, one after another on a device."""
        for images, targets in self.batches:
            yield images.to(device), {task: target.to(device) for task, target in targets.items()}

    def samples(self) -> Iterator[Batch]:
        """The samples ``(image, targets)``, one after another."""
        for images, targets in self.batches:
            for i in range(len(images)):
                yield images[i], {task: target[i] for task, target in targets.items()}

    def first(self, count: int) -> NamedData:
        """The first ``count`` images, in the same batches, the last one cut."""
        if isinstance(self.batches, Streamed):
            return replace(self, batches=self.batches.first(count))
        batches: list[tuple[Images, Targets]] = []
        for images, targets in self.batches:
            left = count - sum(len(taken) for taken, _ in batches)
            if left > 0:
                batches.append((images[:left], {task: target[:left] for task, target in targets.items()}))
        return replace(self, batches=batches)

    def part(self, first: int, step: int) -> NamedData:
        """Every ``step``-th batch, from number ``first`` on."""
        if isinstance(self.batches, Streamed):
            return replace(self, batches=self.batches.part(first, step))
        return replace(self, batches=self.batches[first::step])

    @cached_property
    def key(self) -> dict[str, Any]:
        """What a store's key needs of it; the digest sees the batches' sizes too.

        Of a streamed data set that can say which samples it has (``digest(count)``) nothing is read.
        """
        known = self.batches.digest() if isinstance(self.batches, Streamed) else None
        if known is None:
            known = fingerprint(tensor for images, targets in self.batches for tensor in (images, *targets.values()))
        return {"data": self.name, "images": len(self), "digest": known, "tasks": repr(self.tasks)}
