"""By which version results were made, so that those of another one are not taken for today's."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

RESULTS_VERSION = 3
"""Raised with every change after which an attack, a set of attacks, a loss or a metric gives other numbers."""


@cache
def made_by() -> dict[str, str]:
    """What the numbers of a cell depend on beside its key: the version of the results, of torch and of torchattacks."""
    return {"results": str(RESULTS_VERSION)} | {name: _version(name) for name in ("torch", "torchattacks")}


def _version(package: str) -> str:
    try:
        return version(package).partition("+")[0]  # a build for the CPU or for CUDA
    except PackageNotFoundError:
        return "none"
