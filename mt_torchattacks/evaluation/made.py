"""Adversarial images that are made once and shown to any number of models."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import overload

import torch
from torch import Tensor, nn

from mt_torchattacks.evaluation.measure import AttackFunction, measure
from mt_torchattacks.evaluation.named import NamedData
from mt_torchattacks.evaluation.result import Measurements
from mt_torchattacks.types import Images, Targets


class MadeImages(Sequence[Tensor]):
    """Batches of adversarial images, in memory or in a temporary folder, which goes when this is forgotten.

    Args:
        in_memory: hold them; otherwise one batch at a time is read from the folder, each time anew.

    Example:
        >>> made = MadeImages(in_memory=False)
        >>> made.append(torch.ones(2, 3, 4, 4))
        >>> len(made), made[0].shape, [float(images.sum()) for images in made]
        (1, torch.Size([2, 3, 4, 4]), [96.0])
    """

    def __init__(self, *, in_memory: bool = True) -> None:
        self._held: list[Tensor] = []
        self._folder = None if in_memory else Path(tempfile.mkdtemp(prefix="mt_torchattacks_"))
        if self._folder is not None:
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._count = 0

    def append(self, images: Tensor) -> None:
        """Add a batch ``(N, ...)``.

        Raises:
            OSError: the temporary folder is full.
        """
        if self._folder is None:
            self._held.append(images)
        else:
            torch.save(images.detach().cpu().clone(), self._path(self._count))
        self._count += 1

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> list[Tensor]: ...
    def __getitem__(self, index: int | slice) -> Tensor | list[Tensor]:
        if isinstance(index, slice):
            return [self[i] for i in range(self._count)[index]]
        return self._held[index] if self._folder is None else self._read(range(self._count)[index])

    def _read(self, number: int) -> Tensor:
        images: Tensor = torch.load(self._path(number), weights_only=True)
        return images

    def _path(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{number}.pt"


def make(
    attack: AttackFunction,
    batches: Iterable[tuple[Images, Targets]],
    *,
    seed: int = 0,
    in_memory: bool = True,
) -> MadeImages:
    """Each batch's adversarial images.

    Args:
        attack: ``(images, targets) -> adversarial images``.
        batches: ``(images, targets)``, on the device that the attack wants them on.
        seed: of the global random numbers, which come back as they were.
        in_memory: see :class:`MadeImages`; for a study what its data say, :attr:`NamedData.in_memory`.

    Example:
        >>> [images] = make(lambda images, targets: images * 0.5, [(torch.ones(1, 3, 2, 2), {})])
        >>> float(images.mean())
        0.5
    """
    made = MadeImages(in_memory=in_memory)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for images, targets in batches:
            made.append(attack(images, targets))
    return made


def replay(made: Callable[[], Iterable[Tensor]]) -> AttackFunction:
    """An attack that shows images ``(N, ...)`` which are there already, batch after batch, once.

    They are shown where the clean images are and in their dtype.

    Args:
        made: gives the images of all batches; called when the first batch is asked for.
    """
    left: list[Iterator[Tensor]] = []

    def shown(images: Images, targets: Targets) -> Tensor:
        if not left:
            left.append(iter(made()))
        return next(left[0]).to(images)

    return shown


def measure_made(
    model: nn.Module, data: NamedData, images: Sequence[Tensor], *, progress: str | None = None
) -> Measurements:
    """A model on images ``(N, ...)`` that are there already, one tensor for each of the data's batches.

    Args:
        model: the model.
        data: what the images were made of: targets, tasks and metrics.
        images: the images.
        progress: name of the progress bar over the batches; None shows none.
    """
    shown = replay(partial(iter, images))
    return measure(model, data.tasks, data.batches, data.metrics, shown, progress=progress)
