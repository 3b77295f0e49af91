from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from mt_torchattacks.training.state import load_state, save_state


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.stride() == b.stride() and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


def test_everything_comes_back_bit_for_bit(tmp_path: Path) -> None:
    shared, channels_last = torch.rand(6), torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    state = {
        "numbers": [1, 0.1, math.pi, 1e-300, True, None, "text", -math.inf],
        "optimizer": {0: {"step": torch.tensor(3.0), "exp_avg": channels_last}},
        "views": {"whole": shared, "part": shared[2:4], "strided": torch.arange(4).view(2, 2)},
        "types": [torch.arange(3, dtype=dtype) for dtype in (torch.uint8, torch.int64, torch.float64, torch.bfloat16)],
        "empty": {"mapping": {}, "list": [], "tensor": torch.rand(0, 3)},
        "tensor": {"tensor": "not one", "channels_last": 0, "mapping": 1},
    }  # fmt: skip
    save_state(state, tmp_path / "new" / "state")
    assert same(load_state(tmp_path / "new" / "state"), state)


def test_a_write_that_is_cut_off_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = tmp_path / "state", Path.write_bytes

    def cut_off(self: Path, content: bytes) -> int:
        write(self, content[: len(content) // 2])
        raise KeyboardInterrupt

    save_state({"epoch": 1, "weight": torch.ones(100)}, path)
    monkeypatch.setattr(Path, "write_bytes", cut_off)
    with pytest.raises(KeyboardInterrupt):
        save_state({"epoch": 2, "weight": torch.zeros(100)}, path)
    assert load_state(path)["epoch"] == 1
    assert load_state(path)["weight"].sum() == 100


def test_another_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_state(tmp_path / "none")
    save_file({"weight": torch.ones(1)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"model.safetensors: expected the state of a training, found another"):
        load_state(tmp_path / "model.safetensors")
