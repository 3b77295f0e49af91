"""Attacks: torchattacks' own loops on all tasks of a model, and what torchattacks does not have."""

from typing import Any

from mt_torchattacks.attacks.attention import Rollout
from mt_torchattacks.attacks.ensemble import Ensemble
from mt_torchattacks.attacks.host.catalogue import HOSTED, OWN, REFUSED, attack_class, multitask
from mt_torchattacks.attacks.host.saving import load
from mt_torchattacks.attacks.multi import MultiAttack

ATTACKS = (*HOSTED, *OWN)
"""The names of all attacks."""

__all__ = [
    "ATTACKS",
    "HOSTED",
    "OWN",
    "REFUSED",
    "Ensemble",
    "MultiAttack",
    "Rollout",
    "attack_class",
    "load",
    "multitask",
]


def __getattr__(name: str) -> Any:
    """The class of that name; made on first use, since torchattacks may not be installed."""
    if name in ATTACKS:
        return attack_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
