"""Toy models and scenes for what is kept in a store."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.evaluation import NamedData, NamedModel
from tests import toys

NAMES = ("segmentation", "normal", "depth")


def tasks(names: Sequence[str] = NAMES) -> mta.Tasks:
    return mta.Tasks({name: toys.tasks()[name] for name in names})


def scenes(count: int = 6, size: int = 2, *, alike: bool = False) -> NamedData:
    """NamedData in batches of ``size``; ``alike``: the same image again and again."""
    images, targets = toys.batch(count)
    if alike:
        images, targets = _repeated(images), {name: _repeated(target) for name, target in targets.items()}
    batches = [
        (images[i : i + size], {name: targets[name][i : i + size] for name in NAMES}) for i in range(0, count, size)
    ]
    return NamedData("toys", batches, tasks(), {})


def subject(seed: int = 0) -> NamedModel:
    return NamedModel(f"toy {seed}", toys.Toy(seed))


def uniform(images: Tensor, targets: object) -> Tensor:
    """An 'attack' with random numbers from the global generator."""
    return (images + 0.1 * torch.randn_like(images)).clamp(0, 1)


def _repeated(values: Tensor) -> Tensor:
    return values[:1].expand_as(values)
