"""Options that several studies have, and the forms in which a radius is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import mt_torchattacks as mta

if TYPE_CHECKING:
    from mt_torchattacks.evaluation import AttackSpec

_WHOLE = 255.0


class Radius(float):
    """A radius as a share of the range of pixel values, with the forms in which people write it.

    ``8/255`` is what it says, a number below 1 is the share itself, and a number from 1 on counts 1/255.

    Example:
        >>> Radius.parse("8/255") == Radius.parse("8") == 8 / 255, float(Radius.parse("0.03"))
        (True, 0.03)
        >>> Radius.parse("1.0")
        Traceback (most recent call last):
        ValueError: 1.0 could be 1/255 or 255/255: write which.
    """

    @classmethod
    def parse(cls, text: str | float) -> Radius:
        """The radius that a text stands for.

        Raises:
            ValueError: none, or one that can be meant in two ways; the message says what to write.
        """
        words = str(text).strip()
        above, slash, below = words.partition("/")
        try:
            number = float(above)
            parts = float(below) if slash else 1.0
        except ValueError:
            raise ValueError(f"a radius is written 8/255, 0.03, or 8 for 8/255, not {words!r}") from None
        if not 0 < number < float("inf") or not 0 < parts < float("inf"):
            raise ValueError(f"a radius is a number above 0, not {words!r}")
        if slash:
            return cls(number / parts)
        if number == 1 and words != "1":
            raise ValueError(f"{words} could be 1/255 or 255/255: write which.")
        if number > _WHOLE:
            raise ValueError(f"{words} is more than the range of the pixels; 8 stands for 8/255")
        return cls(number if number < 1 else number / _WHOLE)

    def __str__(self) -> str:
        return f"{self * _WHOLE:g}/255"


def radii(*counts: float) -> list[Radius]:
    """Radii that count 1/255, as defaults."""
    return field(default_factory=lambda: [Radius(count / _WHOLE) for count in counts])


def names(*values: str) -> list[str]:
    """A list of names as a default."""
    return field(default_factory=lambda: list(values))


@dataclass
class DataOptions:
    """What a study measures on.

    Args:
        data: rooms (held-out ones), rooms:SEED for others, nyuv2:ROOT, tiny_taskonomy:ROOT, cityscapes:ROOT, or
            package.module:function or file.py:function, which is called without arguments and returns a data set
        split: the split of a data set on disk
        images: number of images
        batch_size: images at a time
        workers: processes that read ahead, of data that do not fit into a gibibyte
        seed: of the attacks' random numbers
    """

    data: str = "rooms"
    split: str = "test"
    images: int = 32
    batch_size: int = 16
    workers: int = 0
    seed: int = 0


@dataclass
class ModelOptions(DataOptions):
    """What a study measures, and on what.

    Args:
        model: models of the zoo ('rooms3/*' for all that fit), folders that `mt-attack train` wrote
            ('results/train/nyuv2/*' for all there), or package.module:function or file.py:function, which is called
            without arguments and returns a model
    """

    model: list[str] = names("rooms3/all-shared")


@dataclass
class PerImageOptions:
    """What a study keeps of each image.

    Args:
        per_image: keep every image's losses, write them as per_image.parquet (extra parquet), and compare attacks by
            them
    """

    per_image: bool = False


@dataclass
class GridOptions(DataOptions):
    """A grid of attacks: each attack with each rule, at each radius and with each attack loss.

    Args:
        attack: attacks by name, as auto_saga
        balance: balancing rules, 'single' for each task alone, or weights as depth=0.8,normal=0.2
        eps: radii, written 8/255, 0.03, or 8 for 8/255
        attack_loss: what attacks raise: the tasks' losses, or the errors that metrics count
        steps: of attacks that have steps
        queries: of attacks that have queries; the attack's own number by default
    """

    attack: list[str] = names("apgd")
    balance: list[str] = names("dgba")
    eps: list[Radius] = radii(8)
    attack_loss: list[Literal["losses", "errors"]] = field(default_factory=lambda: ["losses"])
    steps: int = 10
    queries: int | None = None


def grid(options: GridOptions, tasks: Iterable[str]) -> list[AttackSpec]:
    """The attacks that a grid's options ask for, on a model with these tasks.

    Raises:
        ValueError: no such attack; the message lists those there are, or says why torchattacks' one is not.
    """
    for name in ("attack", "balance", "eps", "attack_loss"):
        mta.checks.require(len(getattr(options, name)) > 0, name, f"at least one {name}", "none")
    return mta.evaluation.attack_specs(
        options.attack,
        options.balance,
        options.eps,
        tasks,
        options.attack_loss,
        steps=options.steps,
        queries=options.queries,
    )
