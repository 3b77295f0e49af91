"""What is measured, and on what, in a form that a store can tell from any other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import nn
from torch.utils.data import Subset

from mt_torchattacks import checks
from mt_torchattacks.data.memory import InMemory
from mt_torchattacks.evaluation.evaluate import device_of
from mt_torchattacks.evaluation.store import fingerprint
from mt_torchattacks.metrics import TaskMetrics
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
        """A hash of its parameters and buffers."""
        return fingerprint(self.model.state_dict())

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return device_of(self.model)


@dataclass(frozen=True)
class NamedData:
    """Images with the tasks' targets, losses and metrics.

    Args:
        name: says in files what the images are.
        batches: ``(images, targets)``, images ``(N, C, H, W)`` in [0, 1].
        tasks: the tasks and their losses.
        metrics: one accumulator a task.
    """

    name: str
    batches: Sequence[tuple[Images, Targets]]
    tasks: Tasks
    metrics: Mapping[str, TaskMetrics]

    @classmethod
    def of(cls, name: str, dataset: Any, count: int, batch_size: int = 16) -> NamedData:
        """The first ``count`` items of a data set of this library, with the papers' losses and metrics of its tasks.

        Raises:
            ValueError: no scene, more than the data set has, an empty batch, or a task without a standard loss.

        Example:
            >>> import mt_torchattacks as mta
            >>> scenes = NamedData.of("rooms", mta.data.Rooms(length=6, seed=1), 5, batch_size=2)
            >>> len(scenes), list(scenes.tasks), [len(images) for images, _ in scenes.batches]
            (5, ['segmentation', 'normal', 'depth'], [2, 2, 1])
        """
        checks.require(count >= 1, "scenes", "a number >= 1", count)
        checks.require(count <= len(dataset), "scenes", f"at most the {len(dataset)} that there are", count)
        checks.require(batch_size >= 1, "batch_size", "a number >= 1", batch_size)
        data = InMemory(dataset if count == len(dataset) else Subset(dataset, range(count)))
        data.images = data.images.contiguous(memory_format=torch.channels_last)  # a fifth faster on a CPU
        batches = [data.take(indices) for indices in data.batches(batch_size)]
        metrics = standard_metrics(dataset.tasks, getattr(dataset, "num_classes", None))
        return cls(name, batches, standard_tasks(dataset.tasks), metrics)

    def __len__(self) -> int:
        return sum(len(images) for images, _ in self.batches)

    def on(self, device: torch.device) -> Iterator[tuple[Images, Targets]]:
        """The batches, one after another on a device."""
        for images, targets in self.batches:
            yield images.to(device), {task: target.to(device) for task, target in targets.items()}

    def first(self, count: int) -> NamedData:
        """The first ``count`` scenes, in the same batches, the last one cut."""
        batches: list[tuple[Images, Targets]] = []
        for images, targets in self.batches:
            left = count - sum(len(taken) for taken, _ in batches)
            if left > 0:
                batches.append((images[:left], {task: target[:left] for task, target in targets.items()}))
        return replace(self, batches=batches)

    @cached_property
    def key(self) -> dict[str, Any]:
        """What a store's key needs of it; the fingerprint sees the batches' sizes too."""
        tensors = [tensor for images, targets in self.batches for tensor in (images, *targets.values())]
        return {"data": self.name, "scenes": len(self), "images": fingerprint(tensors), "tasks": repr(self.tasks)}
