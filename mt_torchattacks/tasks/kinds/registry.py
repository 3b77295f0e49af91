"""Which kind a task is: by its name, or as the user says."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeAlias

from mt_torchattacks import checks
from mt_torchattacks.plugins import load_plugins
from mt_torchattacks.tasks.kinds.base import SERVED, Kind

Names: TypeAlias = "Sequence[str] | Mapping[str, str | Kind]"
"""Tasks by names that kinds serve, or each with its kind: ``{"left": "classification", "right": "classification"}``."""


@cache
def _discover() -> None:
    """Import every module of the folder, and plugins; that makes the kinds in them known."""
    load_plugins()
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")


def served() -> Mapping[str, type[Kind]]:
    """The class of the kind that serves each name."""
    _discover()
    return SERVED


def known_names() -> list[str]:
    """All names that kinds serve, in the order of the alphabet.

    Example:
        >>> {"classification", "depth", "segmentation"} <= set(known_names())
        True
    """
    return sorted(served())


def all_kinds() -> list[Kind]:
    """One of every kind, in the order of the first names."""
    return [kind() for kind in dict.fromkeys(served()[name] for name in known_names())]


def get(name: str, argument: str = "kind") -> Kind:
    """The kind that serves a name.

    Args:
        name: a task of the data sets, or any other name that a kind serves.
        argument: what the message calls it.

    Raises:
        ValueError: no kind serves it; the message lists the names that there are.

    Example:
        >>> get("depth").unit
        'm'
    """
    checks.one_of(name, argument, known_names())
    return served()[name]()


def find(name: str) -> Kind:
    """The kind that serves a name, or for any other name one that takes it for a map of numbers.

    Example:
        >>> find("depth"), find("temperature")
        (Depth(), Kind())
    """
    return served().get(name, Kind)()


def chosen(names: Names) -> dict[str, Kind]:
    """The kind of each task.

    Args:
        names: names that kinds serve, or a mapping of any names to kinds or to names that kinds serve.

    Raises:
        TypeError: a value of the mapping is neither.
        ValueError: no kind serves a name.

    Example:
        >>> chosen({"left": "classification", "distance": "depth"})
        {'left': Classification(), 'distance': Depth()}
    """
    given = names if isinstance(names, Mapping) else {name: name for name in names}
    return {name: _kind(value) for name, value in given.items()}


def _kind(value: object) -> Kind:
    if isinstance(value, Kind):
        return value
    if not isinstance(value, str):
        checks.fail("names", "names or kinds, as mta.kinds.Depth()", checks.describe(value), TypeError)
    return get(value, "names")


def number_of_classes(heads: Mapping[str, int]) -> int | None:
    """The number of classes of a model with these heads: the channels of the first task whose kind has classes.

    Args:
        heads: the output channels of each task.

    Returns:
        None if no task has classes.

    Example:
        >>> number_of_classes({"depth": 1, "segmentation": 13}), number_of_classes({"depth": 1})
        (13, None)
    """
    return next((channels for task, channels in heads.items() if find(task).classed), None)
