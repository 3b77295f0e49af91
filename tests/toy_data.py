"""Toy models with names, and toy data, for what is kept in a store."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation import NamedData, NamedModel
from tests import toys

NAMES = ("segmentation", "normal", "depth")


class Small(nn.Module):
    """One convolution for all tasks of the rooms, with depths that are right to a few metres."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 17, 5, padding=2)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Outputs by task."""
        segmentation, normal, depth = self.layer(images).split([13, 3, 1], dim=1)
        return {"segmentation": segmentation, "normal": normal, "depth": 3 + depth}


def tasks(names: Sequence[str] = NAMES) -> mta.Tasks:
    """Those of the toy's tasks that data sets have, too."""
    return mta.Tasks({name: toys.tasks()[name] for name in names})


def named_data(count: int = 6, size: int = 2, *, alike: bool = False) -> NamedData:
    """Images in batches of ``size``; ``alike``: the same image again and again."""
    images, targets = toys.batch(count)
    if alike:
        images, targets = _repeated(images), {name: _repeated(target) for name, target in targets.items()}
    batches = [
        (images[i : i + size], {name: targets[name][i : i + size] for name in NAMES}) for i in range(0, count, size)
    ]
    return NamedData("toys", batches, tasks(), {})


def named_model(seed: int = 0) -> NamedModel:
    """The toy model, ``toy 0``, or another one with the same layers."""
    return NamedModel(f"toy {seed}", toys.Toy(seed))


def rooms(count: int, size: int = 32, batch_size: int = 2) -> NamedData:
    """Small rooms, which :class:`Small` has the tasks of."""
    return NamedData.of("rooms", mta.data.Rooms(length=count, size=size, seed=1), count, batch_size=batch_size)


def small() -> Small:
    """The same :class:`Small` each time, for ``--model``."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Small()


def small_rooms() -> NamedData:
    """Three small rooms in two batches, for ``--data``."""
    return rooms(3)


def toy() -> toys.Toy:
    """The toy model, for ``--model``."""
    return toys.Toy()


def other_toy() -> toys.Toy:
    """Another one, for ``--model``."""
    return toys.Toy(1)


class Breaking(toys.Toy):
    """Cannot be differentiated anywhere but at the first two images of the toy data."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Outputs by task."""
        if x.requires_grad and not torch.equal(x, toys.batch(2)[0]):
            raise RuntimeError("it breaks under PGD")
        return super().forward(x)


def breaking_toy() -> Breaking:
    """A model that breaks under attacks of several steps, for ``--model``."""
    return Breaking()


def two_images() -> NamedData:
    """Two images of 16 x 16 pixels for the toy model, for ``--data``."""
    return named_data(2)


def _repeated(values: Tensor) -> Tensor:
    return values[:1].expand_as(values)
