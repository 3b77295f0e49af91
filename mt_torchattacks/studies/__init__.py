"""Studies: one file each, with what it measures, its tables, its figures and its options."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from mt_torchattacks.plugins import load_plugins
from mt_torchattacks.studies.base import Study, Table

__all__ = ["Study", "Table", "all_studies"]


def all_studies() -> dict[str, type[Study[Any, Any]]]:
    """Every study by its name: those in this folder, and those of plugins."""
    load_plugins()
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(Study.registry.items()))
