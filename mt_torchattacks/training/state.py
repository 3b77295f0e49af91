"""The state of a training in one file, without pickle: tensors as safetensors, all else as JSON in its header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.files import write_whole
from mt_torchattacks.models.checkpoint import undamaged


def save_state(state: Mapping[str, Any], path: Path) -> None:
    """Write nested mappings and lists of tensors, numbers, texts and None; the file appears whole or not at all.

    Args:
        state: what to keep; tuples come back as lists.
        path: the file, replaced if it is there.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_pack(state, tensors))
    write_whole(path, save(tensors, {"state": text}))


def load_state(path: Path) -> dict[str, Any]:
    """What :func:`save_state` was given, bit for bit, with the tensors on the CPU.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, or a damaged one.
    """
    with undamaged(path), safe_open(path, "pt") as file:
        header = file.metadata() or {}
        checks.require("state" in header, str(path), "the state of a training", "another safetensors file")
        state: dict[str, Any] = _unpack(json.loads(header["state"]), file)
    return state


def _pack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": name, "channels_last": _is_channels_last(value)}
    if isinstance(value, Mapping):
        return {"mapping": [[key, _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_pack(item, tensors) for item in value]
    return value


def _unpack(value: Any, file: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(item, file) for item in value]
    if not isinstance(value, dict):
        return value
    if "mapping" in value:
        return {key: _unpack(item, file) for key, item in value["mapping"]}
    tensor = file.get_tensor(value["tensor"])
    # Fused optimizers read a weight and its moments as they lie in memory.
    return tensor.contiguous(memory_format=torch.channels_last) if value["channels_last"] else tensor


def _is_channels_last(value: Tensor) -> bool:
    return not value.is_contiguous() and value.is_contiguous(memory_format=torch.channels_last)
