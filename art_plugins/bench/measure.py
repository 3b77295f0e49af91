"""What an attack costs: seconds, passes through the model, memory."""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

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
        handle = self.model.register_forward_pre_hook(self._count)
        try:
            adversarial, seconds = timed(self.attack, images, targets)
        finally:
            handle.remove()
        self.seconds += seconds
        self.memory = max(self.memory, _peak_memory(images.device) - before)
        return adversarial

    def _count(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.forward += 1
        if inputs[0].requires_grad:
            inputs[0].register_hook(self._count_backward)  # type: ignore[no-untyped-call]

    def _count_backward(self, gradient: Tensor) -> None:
        self.backward += 1


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
