"""A data set held in memory, from which whole batches are taken."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset, default_collate

from mt_torchattacks import checks

Batch: TypeAlias = tuple[Tensor, dict[str, Tensor]]
"""Images ``(N, 3, H, W)``, and for each task the targets of these images."""


class InMemory(Dataset[Batch]):
    """All samples of a data set, loaded once.

    Args:
        dataset: a map-style data set of ``(image, targets)``. If it can render many samples at once
            (``render(indices) -> (images, targets)``), that is used.

    Example:
        >>> data = InMemory([(torch.zeros(3, 2, 2), {"depth": torch.full((1, 2, 2), d)}) for d in (1.0, 2.0)])
        >>> len(data), data.take(torch.tensor([1]))[1]["depth"].mean().item()
        (2, 2.0)
    """

    def __init__(self, dataset: Any) -> None:
        self.images: Tensor
        self.targets: dict[str, Tensor]
        if isinstance(dataset, InMemory):
            self.images, self.targets = dataset.images, dataset.targets
        elif hasattr(dataset, "render"):
            self.images, self.targets = dataset.render(range(len(dataset)))
        else:
            self.images, self.targets = default_collate([dataset[i] for i in range(len(dataset))])

    @classmethod
    def holding(cls, images: Tensor, targets: dict[str, Tensor]) -> InMemory:
        """Samples that are there already: images ``(N, ...)`` and for each task the targets of these images."""
        made = cls.__new__(cls)
        made.images, made.targets = images, targets
        return made

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Batch:
        return self.images[index], {task: target[index] for task, target in self.targets.items()}

    def take(self, indices: Tensor | slice) -> Batch:
        """The samples at ``indices`` as one batch."""
        return self.images[indices], {task: target[indices] for task, target in self.targets.items()}

    def batches(self, size: int, order: Tensor | None = None) -> list[Tensor]:
        """Indices of successive batches, in the given order or the data set's own."""
        return list(torch.split(torch.arange(len(self)) if order is None else order, size))


def held_out(dataset: Any, count: int) -> tuple[Any, Any]:
    """A data set without its last samples, and these.

    Args:
        dataset: map-style.
        count: of the last samples; at least one, and not all.

    Raises:
        ValueError: another count.
    """
    checks.require(0 < count < len(dataset), "held_out", f"1 to {len(dataset) - 1} images", count)
    first, last = slice(0, len(dataset) - count), slice(len(dataset) - count, None)
    if isinstance(dataset, InMemory):
        return InMemory.holding(*dataset.take(first)), InMemory.holding(*dataset.take(last))
    places = range(len(dataset))
    return Subset(dataset, places[first]), Subset(dataset, places[last])


def loaded(dataset: Any) -> Any:
    """The data set in memory if it renders many samples at once, as :class:`~mt_torchattacks.data.Rooms` does."""
    return InMemory(dataset) if hasattr(dataset, "render") else dataset
