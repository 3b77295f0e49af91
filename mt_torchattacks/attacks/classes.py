"""The class of every attack, made on first use, since torchattacks may not be installed.

Type checkers read ``classes.pyi``, which ``python -m tests.api`` writes.
"""

from __future__ import annotations

from typing import Any

from mt_torchattacks.attacks.host.catalogue import HOSTED, OWN, REFUSED, attack_class, registered
from mt_torchattacks.names import hint
from mt_torchattacks.plugins import load_plugins

__all__ = [*HOSTED, *OWN]


def find(name: str) -> Any:
    """The class of an attack's name, or None."""
    if name in __all__:
        return attack_class(name)
    load_plugins()
    return registered().get(name)


def __getattr__(name: str) -> Any:
    found = None if name.startswith("_") else find(name)
    if found is None:
        reason = f": {REFUSED[name]}" if name in REFUSED else hint(name, __all__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{reason}")
    return found
