"""What the library needs to know of an attack's loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def averaged(attack: Any) -> int:
    """The gradients that an attack takes the mean of in each step, 1 for most."""
    return int(getattr(attack, "eot_iter", 1))


@dataclass(frozen=True)
class Traits:
    """What the library needs to know of an attack's loop.

    Attributes:
        norm: the norm that bounds the perturbation, where no argument says it.
        deterministic: with default arguments the same at every call, no random start or step.
        divides: divides by the gradient's mean absolute value, which must not be zero for any sample.
        float32: has constants in float32 and takes no other images.
        images: uses the geometry of images ``(N, C, H, W)``; other attacks take inputs ``(N, ...)`` of any shape.
        a_step: how many gradients a step of the attack asks for.
    """

    norm: str = "Linf"
    deterministic: bool = True
    divides: bool = False
    float32: bool = False
    images: bool = False
    a_step: Callable[[Any], int] = averaged
