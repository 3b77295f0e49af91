"""What is written down of a run, so that somebody else can repeat it."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import mt_torchattacks as mta

if TYPE_CHECKING:
    from mt_torchattacks.cli.sources import Sources

_PACKAGES = (
    "torch",
    "torchvision",
    "torchattacks",
    "adversarial-robustness-toolbox",
    "torchmetrics",
    "numpy",
    "torchjd",
)


def run_record(
    command: str, options: Mapping[str, Any], sources: Sources, started: float, seconds: float
) -> dict[str, Any]:
    """The contents of ``run.json``.

    Args:
        command: the study's name.
        options: its options.
        sources: the models and the data that it used.
        started: when, in seconds since 1970.
        seconds: how long it took.
    """
    models = sources.found.values()
    return {
        "command": command,
        "options": {name: _plain(value) for name, value in options.items()},
        "seeds": list(range(options["seeds"])) if "seeds" in options else [options.get("seed", 0)],
        "versions": versions(),
        "device": ", ".join(sorted({str(model.device) for model in models})) or "cpu",  # a study's own small models
        "digests": {
            "models": {model.name: model.weights for model in models},
            "data": {f"{source} for {model}": data.key["digest"] for (model, source), data in sources.images.items()},
        },
        "started": datetime.fromtimestamp(started, timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
    }


def versions() -> dict[str, str]:
    """Of this library, of Python, of what results depend on, and the kind of machine."""
    found = {"mt-torchattacks": mta.__version__, "python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _plain(value: Any) -> Any:
    """A value as JSON can hold it: lists of plain values, numbers, and text for all else."""
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(value)
    return value if isinstance(value, (int, str, bool, type(None))) else str(value)
