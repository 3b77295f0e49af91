"""Saving a branched model: weights in safetensors, and a JSON record of what the model is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from mt_torchattacks import checks
from mt_torchattacks.files import write_whole
from mt_torchattacks.models.branched import BranchedModel, branched


def save_checkpoint(model: BranchedModel, record: Mapping[str, Any], path: Path, dtype: torch.dtype) -> None:
    """Write ``path.safetensors`` and ``path.json``; each appears whole or not at all.

    Args:
        model: the model.
        record: what :func:`load_checkpoint` builds the model from, i.e. ``backbone``, ``options``, ``layout`` (text)
            and ``heads``, and whatever else is worth keeping.
        path: the files' path without suffix; its folder is made.
        dtype: floating-point weights are stored as this.
    """
    state = {
        name: (value.to("cpu", dtype) if value.is_floating_point() else value.cpu()).contiguous()
        for name, value in model.state_dict().items()
    }
    write_whole(_beside(path, ".safetensors"), save(state))
    write_whole(_beside(path, ".json"), json.dumps(record, indent=2) + "\n")


def checkpoint_path(name: str | Path) -> Path:
    """A checkpoint's path without an ending, of any way to name it: also of its folder, where it is ``model``.

    Example:
        >>> checkpoint_path("results/my_model.safetensors")
        PosixPath('results/my_model')
    """
    path = Path(str(name).removesuffix(".safetensors"))
    return path / "model" if path.is_dir() else path


def is_checkpoint(name: str | Path) -> bool:
    """Whether there are weights at a checkpoint's path."""
    return _beside(checkpoint_path(name), ".safetensors").is_file()


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Turn what reading a damaged file raises into a ``ValueError`` that names the file."""
    try:
        yield
    except (SafetensorError, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        checks.fail(str(path), "a whole file", f"a damaged one ({error})")


def load_record(path: Path) -> dict[str, Any]:
    """The JSON record beside a checkpoint's weights.

    Raises:
        FileNotFoundError: no such file.
        KeyError: the record lacks something.
        ValueError: a damaged file.
    """
    file = _beside(path, ".json")
    checks.require(file.is_file(), str(file), "a file", _found(file), FileNotFoundError)
    with undamaged(file):
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    checks.keys(record, str(file), ("backbone", "options", "layout", "heads"))
    return record


def load_checkpoint(path: Path) -> BranchedModel:
    """The model of a checkpoint, float32, in evaluation mode.

    Args:
        path: the files' path without suffix.

    Raises:
        FileNotFoundError: no such file.
        KeyError: the record lacks something.
        RuntimeError: the weights are not those of the recorded model.
        ValueError: a damaged file.
    """
    record, weights = load_record(path), _beside(path, ".safetensors")
    model = branched(record["backbone"], record["layout"], record["heads"], **record["options"])
    with undamaged(weights):
        model.load_state_dict(load_file(weights))
    return model.eval()


def _found(path: Path) -> str:
    """What is in the place of a file, for a message."""
    return "a folder" if path.is_dir() else "a device or the like" if path.exists() else "none"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
