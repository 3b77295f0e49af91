"""Small models trained on :class:`~mt_torchattacks.data.Rooms`, shipped with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mt_torchattacks import checks
from mt_torchattacks.models.branched import BranchedModel
from mt_torchattacks.models.checkpoint import load_checkpoint, load_record

_WEIGHTS = Path(__file__).parent / "weights"


def zoo(name: str) -> BranchedModel:
    """A trained model of the zoo, in evaluation mode.

    Args:
        name: one of :func:`zoo_names`, e.g. ``"rooms3/all-shared"``.

    Raises:
        ValueError: no such model; the message lists what is there.

    Example:
        >>> zoo("rooms3/all-shared").tasks
        ('segmentation', 'normal', 'depth')
    """
    return load_checkpoint(_path(name))


def zoo_record(name: str) -> dict[str, Any]:
    """What is known of a model of the zoo: layout, data, training settings, clean metrics and the baseline's.

    Raises:
        ValueError: no such model; the message lists what is there.
    """
    return load_record(_path(name))


def zoo_names() -> list[str]:
    """The names of the trained models."""
    return sorted(path.stem.replace("__", "/") for path in _WEIGHTS.glob("*.safetensors"))


def _path(name: str) -> Path:
    checks.one_of(name, "name", zoo_names())
    return _WEIGHTS / name.replace("/", "__")
