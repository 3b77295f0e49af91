"""Adversarial images that are made once and shown to any number of models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from mt_torchattacks.evaluation.measure import AttackFunction, measure
from mt_torchattacks.evaluation.named import NamedData
from mt_torchattacks.evaluation.result import Measurements
from mt_torchattacks.types import Images, Targets


def make(attack: AttackFunction, batches: Iterable[tuple[Images, Targets]], *, seed: int = 0) -> list[Tensor]:
    """Each batch's adversarial images.

    Args:
        attack: ``(images, targets) -> adversarial images``.
        batches: ``(images, targets)``, on the device that the attack wants them on.
        seed: of the global random numbers, which come back as they were.

    Example:
        >>> [images] = make(lambda images, targets: images * 0.5, [(torch.ones(1, 3, 2, 2), {})])
        >>> float(images.mean())
        0.5
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return [attack(images, targets) for images, targets in batches]


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
