"""How the attack is used in adversarial training: how its radius grows, what is replayed, which epoch is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from mt_torchattacks import checks
from mt_torchattacks.training.keep import Keep


@dataclass(frozen=True)
class Scheme:
    """How an attack is used in training.

    Args:
        ramp: share in [0, 1] of the training's steps over which the attack's radius ``eps``, and the length ``alpha``
            of its steps if it has one, grow evenly from nothing to what they are.
        statistics: of batch normalization where a part of each batch is attacked (a ``ratio`` below 1): of both parts
            ``"together"``, or of the clean and of the attacked images ``"apart"``, each part in a pass of its own.
        replays: more than 1 for *free* adversarial training (Shafahi et al., 2019, https://arxiv.org/abs/1904.12843):
            each batch is trained on so many times, and the gradient that each of these steps has anyway moves the
            images, within the attack's radius in the infinity norm; the attack itself is not run. The images move along
            the gradient of the weighted sum of losses that is trained on, so the attack's balancing rule has no say.
            Unlike there, each batch begins at its clean images.
        keep: which epoch's weights are the result; the last one's by default.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> Scheme(ramp=0.25).factor(0, 100), Scheme(ramp=0.25).factor(99, 100)
        (0.04, 1.0)
    """

    ramp: float = 0.0
    statistics: Literal["together", "apart"] = "together"
    replays: int = 1
    keep: Keep | None = None

    def __post_init__(self) -> None:
        checks.require(0 <= self.ramp <= 1, "ramp", "a number in [0, 1]", self.ramp)
        checks.one_of(self.statistics, "statistics", ("together", "apart"))
        checks.require(self.replays >= 1, "replays", "a whole number >= 1", self.replays)

    @property
    def settings(self) -> dict[str, Any]:
        """What must be the same when a training is resumed; nothing for what is as usual."""
        kept = {} if self.keep is None else {"keep": self.keep.mix, "held_out": len(self.keep.dataset)}
        own = {"ramp": self.ramp, "statistics": self.statistics, "replays": self.replays}
        return {name: value for name, value in own.items() if value != getattr(Scheme, name)} | kept

    def check(self, attack: Any, ratio: float, *, linear: bool, processes: int) -> None:
        """Check that it goes with the rest of a training.

        Args:
            attack: images and targets to adversarial images; None for none.
            ratio: share of each batch that is attacked.
            linear: whether the tasks' losses become one number.
            processes: that train together.

        Raises:
            ValueError: it does not; the message says why.
        """
        radius = isinstance(getattr(attack, "eps", None), float)
        if self.ramp > 0 or self.replays > 1:
            name = "ramp" if self.ramp > 0 else "replays"
            checks.require(radius, name, "an attack with a radius eps", checks.describe(attack))
        if self.replays > 1:
            norm = getattr(attack, "norm", "Linf")
            checks.require(norm == "Linf", "replays", "an attack in the infinity norm", repr(norm))
            checks.require(ratio == 1, "replays", "all images of a batch (ratio=1)", ratio)
            checks.require(linear, "replays", "a weighting that makes one number of the losses", "one of TorchJD")
        if self.statistics == "apart":
            checks.require(ratio < 1, "statistics", "a ratio below 1 for 'apart'", ratio)
            checks.require(processes == 1, "statistics", "one process for 'apart'", processes)

    def factor(self, step: int, steps: int) -> float:
        """What the radius is multiplied by at a step.

        Args:
            step: its number, from 0.
            steps: of the whole training.
        """
        growing = self.ramp * steps
        return 1.0 if growing == 0 else min(1.0, (step + 1) / growing)


@contextmanager
def scaled(attack: Any, factor: float) -> Iterator[None]:
    """Within the block the attack's radius, and the length of its steps, are this many times as large."""
    if factor == 1:
        yield
        return
    own = {name: getattr(attack, name) for name in ("eps", "alpha") if hasattr(attack, name)}
    try:
        for name, value in own.items():
            setattr(attack, name, value * factor)
        yield
    finally:
        for name, value in own.items():
            setattr(attack, name, value)
