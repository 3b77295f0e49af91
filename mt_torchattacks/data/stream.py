"""Batches that are read when they are looked at, for data sets that do not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import torch
from torch.utils.data import DataLoader, default_collate

from mt_torchattacks import checks
from mt_torchattacks.data.memory import Batch

LIMIT = 2**30
"""Bytes: data sets of at most this size are held in memory, larger ones are read batch by batch."""


class Streamed(Sequence[Batch]):
    """The first samples of a data set in batches, read anew each time they are gone through; none is kept.

    Args:
        dataset: map-style, ``(image, targets)`` samples of one size; if it can render many at once
            (``render(indices) -> (images, targets)``), that is used.
        count: number of samples.
        size: samples a batch; the last one may have fewer.
        workers: processes that read ahead while the sequence is gone through; 0 for none.
        part: ``(k, n)`` for every n-th of the batches, from number k on.

    Example:
        >>> from mt_torchattacks.data import Rooms
        >>> batches = Streamed(Rooms(length=9), count=5, size=2)
        >>> len(batches), batches.sizes, [len(images) for images, _ in batches], batches[2][0].shape
        (3, [2, 2, 1], [2, 2, 1], torch.Size([1, 3, 64, 64]))
    """

    def __init__(
        self, dataset: Any, count: int, size: int, *, workers: int = 0, part: tuple[int, int] = (0, 1)
    ) -> None:
        checks.require(workers >= 0, "workers", "a number >= 0", workers)
        self.dataset, self.samples, self.size, self.workers = dataset, count, size, workers
        self._part = part

    @property
    def sizes(self) -> list[int]:
        """The number of samples in each batch."""
        return [len(indices) for indices in self._indices()]

    def first(self, count: int) -> Streamed:
        """The first ``count`` samples, in the same batches, the last one cut."""
        count = min(count, self.samples)
        return Streamed(self.dataset, count, self.size, workers=self.workers, part=self._part)

    def part(self, first: int, step: int) -> Streamed:
        """Every ``step``-th batch, from number ``first`` on."""
        return Streamed(self.dataset, self.samples, self.size, workers=self.workers, part=(first, step))

    def digest(self) -> str | None:
        """What the data set says of these samples without reading them (``dataset.digest(count)``); None if nothing."""
        if not hasattr(self.dataset, "digest"):
            return None
        first, step = self._part
        return str(self.dataset.digest(self.samples)) + ("" if step == 1 else f", {first} of {step}")

    def __len__(self) -> int:
        return len(self._indices())

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | list[Batch]:
        chosen = self._indices()[index]
        return [self._read(one) for one in chosen] if isinstance(chosen, list) else self._read(chosen)

    def __iter__(self) -> Iterator[Batch]:
        if self.workers == 0:
            return (self._read(indices) for indices in self._indices())
        generator = torch.Generator()  # else the loader draws a number from the global one
        return iter(DataLoader(self, batch_size=None, num_workers=self.workers, generator=generator))  # type: ignore[arg-type]

    def _indices(self) -> list[range]:
        first, step = self._part
        starts = range(0, self.samples, self.size)[first::step]
        return [range(start, min(start + self.size, self.samples)) for start in starts]

    def _read(self, indices: range) -> Batch:
        if hasattr(self.dataset, "render"):
            images, targets = self.dataset.render(indices)
        else:
            images, targets = default_collate([self.dataset[i] for i in indices])
        if images.ndim == 4:
            images = images.contiguous(memory_format=torch.channels_last)  # a fifth faster on a CPU
        return images, targets


def fits(dataset: Any, count: int) -> bool:
    """Whether the first ``count`` samples are below ``LIMIT`` if each is as large as the first one."""
    image, targets = dataset[0]
    size = sum(tensor.element_size() * tensor.numel() for tensor in map(torch.as_tensor, (image, *targets.values())))
    return count * size <= LIMIT
