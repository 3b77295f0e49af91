"""The attacks that torchattacks does not have, by name; names are found without importing an attack, or torch."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import Any

from mt_torchattacks.declared import declared

_BASES = ("NativeAttack", "APGD")

REGISTERED: dict[str, type[Any]] = {}
"""The attacks whose modules have been imported, wherever these are; a class that derives from ``NativeAttack`` is put
here when it is made."""


def register(cls: type[Any]) -> None:
    """Make a class known by its name; one of the same name from another place is an error.

    Raises:
        ValueError: there is another attack of that name.
    """
    known = REGISTERED.setdefault(cls.__name__, cls)
    if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(
            f"attack: expected a name that no other attack has, found {cls.__name__!r} of {known.__module__}."
        )
    REGISTERED[cls.__name__] = cls


@functools.cache
def native_modules() -> dict[str, str]:
    """The attacks in this folder, each with its module: found by the name of the file, ``auto_saga.py`` for AutoSAGA.

    Example:
        >>> native_modules()["WorstCase"]
        'mt_torchattacks.attacks.worst_case'
    """
    return attacks_in(Path(__file__).parent, str(__package__))


def attacks_in(folder: Path, package: str) -> dict[str, str]:
    """The attacks in the files of a folder, each with its module in a package; the files are read, not imported."""
    found = declared(folder)
    bases = {name: one.bases for name, one in found.items()}
    places = {n: f"{package}.{one.module}" for n, one in found.items() if n.lower() == one.module.replace("_", "")}
    return {name: place for name, place in places.items() if _derives(name, bases)}


def native_class(name: str) -> type[Any]:
    """The attack of that name, in this folder or registered from elsewhere.

    Raises:
        KeyError: there is none.
    """
    place = native_modules().get(name)
    found: type[Any] = REGISTERED[name] if place is None else getattr(importlib.import_module(place), name)
    return found


def _derives(name: str, bases: dict[str, tuple[str, ...]]) -> bool:
    return any(base in _BASES or _derives(base, bases) for base in bases.get(name, ()))
