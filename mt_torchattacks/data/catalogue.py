"""The data sets by name; names are found without importing a data set, or torch."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from mt_torchattacks.declared import declared
from mt_torchattacks.lazy import LazyDict
from mt_torchattacks.plugins import load_plugins


class Catalogue(LazyDict[Any]):
    """Classes by name, or where they are."""

    def place(self, name: str) -> str | None:
        """Module and class of a name, as ``module:Class``; None if there is none."""
        found = self.data.get(name)
        return found if found is None or isinstance(found, str) else f"{found.__module__}:{found.__qualname__}"


_OWN = {(one.name, cls): one for cls, one in declared(Path(__file__).parent).items() if one.name}

DATASETS = Catalogue({name: f"mt_torchattacks.data.{one.module}:{cls}" for (name, cls), one in _OWN.items()})
"""Every data set, by the name that it has on the command line; a class that derives from
:class:`~mt_torchattacks.data.NamedDataset` and has a ``name`` is put here when it is made."""


def dataset_names() -> list[str]:
    """The names of all data sets, those of plugins too; found without loading PyTorch if no plugin does.

    Example:
        >>> dataset_names()
        ['cityscapes', 'nyuv2', 'rooms', 'tiny_taskonomy'...]
    """
    load_plugins()
    return sorted(DATASETS)


def on_disk(name: str) -> bool:
    """Whether a data set needs a folder, ``NAME:ROOT``; found without importing it.

    Example:
        >>> on_disk("rooms"), on_disk("nyuv2")
        (False, True)
    """
    found = DATASETS.data[name]
    if not isinstance(found, str):
        return "root" in inspect.signature(found).parameters
    bases = (base for (own, _), one in _OWN.items() if own == name for base in one.bases)
    return any(base.endswith("Reader") for base in bases)
