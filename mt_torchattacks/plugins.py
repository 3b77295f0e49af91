"""Attacks, rules and whatever else other packages add, found by themselves.

A package that adds something names the modules that declare it in its own metadata, under the group
``mt_torchattacks.plugins``. In a ``pyproject.toml``::

    [project.entry-points."mt_torchattacks.plugins"]
    anything = "their_package.their_module"
"""

from __future__ import annotations

import warnings
from importlib.metadata import EntryPoint, entry_points

GROUP = "mt_torchattacks.plugins"
"""The entry-point group: each entry is a module that registers what it adds when it is imported."""

_seen: set[tuple[str, str]] = set()


def load_plugins() -> None:
    """Import every plugin that is installed, each once; called where a registry is read.

    A plugin that cannot be imported is left out, with a ``RuntimeWarning`` that names it: one package that is broken
    does not take the others away.

    Example:
        >>> load_plugins()
    """
    for point in entry_points(group=GROUP):
        if (point.name, point.value) not in _seen:
            _seen.add((point.name, point.value))
            _load(point)


def _load(point: EntryPoint) -> None:
    try:
        point.load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        warnings.warn(f"the plugin {point.name!r} ({point.value}) is left out: {reason}", RuntimeWarning, stacklevel=3)
