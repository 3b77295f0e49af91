"""Small models trained on :class:`~mt_torchattacks.data.Rooms`.

One is part of the package. All others, adversarially trained ones among them, are in the package
``mt-torchattacks-zoo``, which is found where it is installed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks
from mt_torchattacks.plugins import load_plugins

if TYPE_CHECKING:
    from mt_torchattacks.models.branched import BranchedModel

WEIGHT_FOLDERS: list[Path] = [Path(__file__).parent / "weights"]
"""Where trained models are found; a plugin appends its own folder."""


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


def zoo_about(name: str) -> str:
    """What a model of the zoo is, in a line; without loading it, or PyTorch.

    Raises:
        ValueError: no such model; the message lists what is there.

    Example:
        >>> zoo_about("rooms3/all-shared")
        'tiny_resnet, segmentation, normal, depth; trained on clean images'
    """
    record = json.loads(_path(name).with_suffix(".json").read_text("utf-8"))
    attack, trained = record.get("attack"), "on clean images"
    if attack:
        radius, steps = f"{attack['eps'] * 255:g}/255", attack["steps"]
        seed = record["fit"]["seed"]
        trained = f"against {attack['balance']}, {attack['name']}, {steps} steps, eps {radius}, seed {seed}"
    return f"{record['backbone']}, {', '.join(record['heads'])}; trained {trained}"


def zoo_names() -> list[str]:
    """The names of the trained models that are installed."""
    return sorted(_paths())


def _path(name: str) -> Path:
    there = _paths()
    if name not in there and len(WEIGHT_FOLDERS) == 1:
        expected = f"one of {checks.listed(sorted(there))}; there are more in the package mt-torchattacks-zoo"
        checks.fail("name", expected, repr(name))
    checks.one_of(name, "name", sorted(there))
    return there[name]


def _paths() -> dict[str, Path]:
    """The files of the models by name, without their endings."""
    load_plugins()
    found = [path for folder in WEIGHT_FOLDERS for path in folder.glob("*.safetensors")]
    return {path.stem.replace("__", "/"): path.with_suffix("") for path in found}
