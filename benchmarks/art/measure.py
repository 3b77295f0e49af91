"""What an attack costs: seconds, passes through the model, memory."""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from mt_torchattacks.evaluation.passes import count_passes

Attack = Callable[[Tensor, Mapping[str, Tensor]], Tensor]
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Measured:
    """An attack that counts what each call of it costs.

    :param attack: `(images, targets) -> adversarial images`.
    :param model: The model whose passes are counted.
    """

    def __init__(self, attack: Attack, model: nn.Module) -> None:
        self.attack, self.model = attack, model
        self.seconds = self.memory = 0.0
        self.forward = self.backward = 0

    def __call__(self, images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        before = _mark_memory(images.device)
        with count_passes(self.model) as passes:
            adversarial, seconds = timed(self.attack, images, targets)
        self.seconds += seconds
        self.forward += passes.forward
        self.backward += passes.backward
        self.memory = max(self.memory, _peak_memory(images.device) - before)
        return adversarial


def timed(attack: Attack, images: Tensor, targets: Mapping[str, Tensor]) -> tuple[Tensor, float]:
    """Adversarial images, and the seconds that they took."""
    _wait(images.device)
    start = time.perf_counter()
    adversarial = attack(images, targets)
    _wait(images.device)
    return adversarial, time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _mark_memory(device: torch.device) -> float:
    """MiB in use; the peak starts anew here. On a CPU that of the process, NaN where the system does not say."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device) / 2**20
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what is free but kept would hide what is used anew
        _CLEAR.write_text("5")
    except (OSError, AttributeError):
        return math.nan
    return _status("VmRSS")


def _peak_memory(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return _status("VmHWM")


def _status(name: str) -> float:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return math.nan
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))
