"""The batches of a training: the same ones, however often it is resumed and however many processes share them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mt_torchattacks.data.memory import Batch

Choice: TypeAlias = tuple[int, Tensor]
"""The index of a sample, and the random numbers that its augmentation is decided by."""


class Augmentation(Protocol):
    """What is done to a sample before it is trained on, such as :class:`~mt_torchattacks.data.RandomMirror`."""

    numbers: int
    """How many random numbers a sample needs."""

    def __call__(
        self, image: Tensor, targets: Mapping[str, Tensor], numbers: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Augment one sample, decided by ``(self.numbers,)`` numbers in [0, 1)."""


def choices(length: int, size: int, seed: int, numbers: int) -> Iterator[list[Choice]]:
    """The endless sequence of batches, all processes' together: pass after pass through the data in a new random order.

    Args:
        length: samples there are.
        size: samples a batch; the last ones of a pass, too few for a batch, are left out.
        seed: of the order and of the augmentation.
        numbers: random numbers a sample.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(length, generator=generator)
        for start in range(0, length - size + 1, size):
            drawn = torch.rand(size, numbers, generator=generator)
            yield list(zip(order[start : start + size].tolist(), drawn, strict=True))


def batches(
    dataset: Any,
    size: int,
    *,
    seed: int = 0,
    augment: Augmentation | None = None,
    skip: int = 0,
    share: tuple[int, int] = (0, 1),
    workers: int = 0,
) -> Iterator[Batch]:
    """One process's part of an endless sequence of batches.

    Args:
        dataset: map-style, ``(image, targets)`` samples of one size.
        size: samples a batch, all processes' together.
        seed: of the order and of the augmentation, which do not depend on PyTorch's global random numbers.
        augment: applied to each sample; None for none.
        skip: how many batches to leave out at the beginning.
        share: this process's number, from 0, and the number of processes; each has its part of every batch.
        workers: processes that load the data; 0 for none but this one.
    """
    rank, processes = share
    mine = slice(rank * size // processes, (rank + 1) * size // processes)
    order = choices(len(dataset), size, seed, 0 if augment is None else augment.numbers)
    loader: DataLoader[Batch] = DataLoader(
        _Augmented(dataset, augment),
        batch_sampler=(batch[mine] for batch in islice(order, skip, None)),
        num_workers=workers,
        generator=torch.Generator(),  # else the loader draws a number from the global one
    )
    return iter(loader)


class _Augmented(Dataset[Batch]):
    """Samples by index and random numbers."""

    def __init__(self, dataset: Any, augment: Augmentation | None) -> None:
        self.dataset = dataset
        self.augment = augment

    def __getitem__(self, choice: Choice) -> Batch:
        index, numbers = choice
        image, targets = self.dataset[index]
        return (image, targets) if self.augment is None else self.augment(image, targets, numbers)
