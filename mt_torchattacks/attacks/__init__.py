"""Attacks: torchattacks' own loops on all tasks of a model, and what torchattacks does not have."""

from typing import Any

from mt_torchattacks.attacks.hosted import HOSTED, REFUSED, hosted, multitask
from mt_torchattacks.attacks.multi import MultiAttack
from mt_torchattacks.attacks.saving import load

__all__ = ["HOSTED", "REFUSED", "MultiAttack", "load", "multitask"]


def __getattr__(name: str) -> Any:
    """The multi-task class of that name; made on first use, since torchattacks may not be installed."""
    if name in HOSTED:
        return hosted(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
