"""Small models trained on :class:`~mt_torchattacks.data.Rooms`, shipped with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks

if TYPE_CHECKING:
    from mt_torchattacks.models.branched import BranchedModel

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
    from mt_torchattacks.models.checkpoint import load_checkpoint

    return load_checkpoint(_path(name))


def zoo_record(name: str) -> dict[str, Any]:
    """What is known of a model of the zoo: layout, data, training settings, clean metrics and the baseline's.

    Raises:
        ValueError: no such model; the message lists what is there.
    """
    from mt_torchattacks.models.checkpoint import load_record

    return load_record(_path(name))


def zoo_names() -> list[str]:
    """The names of the trained models."""
    return sorted(path.stem.replace("__", "/") for path in _WEIGHTS.glob("*.safetensors"))


def _path(name: str) -> Path:
    checks.one_of(name, "name", zoo_names())
    return _WEIGHTS / name.replace("/", "__")
