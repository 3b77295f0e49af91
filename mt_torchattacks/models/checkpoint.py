"""Saving a branched model: weights in safetensors, and a JSON record of what the model is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from mt_torchattacks import checks
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
    write_whole(_beside(path, ".json"), (json.dumps(record, indent=2) + "\n").encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, with its folder: what is at ``path`` is the old content or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(path, ".part")
    part.write_bytes(content)
    part.replace(path)


def load_record(path: Path) -> dict[str, Any]:
    """The JSON record beside a checkpoint's weights."""
    record: dict[str, Any] = json.loads(_beside(path, ".json").read_text(encoding="utf-8"))
    checks.keys(record, str(_beside(path, ".json")), ("backbone", "options", "layout", "heads"))
    return record


def load_checkpoint(path: Path) -> BranchedModel:
    """The model of a checkpoint, float32, in evaluation mode.

    Args:
        path: the files' path without suffix.

    Raises:
        FileNotFoundError: no such file.
        KeyError: the record lacks something.
        RuntimeError: the weights are not those of the recorded model.
    """
    record = load_record(path)
    model = branched(record["backbone"], record["layout"], record["heads"], **record["options"])
    model.load_state_dict(load_file(_beside(path, ".safetensors")))
    return model.eval()


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
