"""What a step of an attack costs: time in units, passes through the model, floating-point operations."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.cost.contenders import Contender
from benchmarks.cost.setting import Setting
from mt_torchattacks.evaluation.passes import count_passes

UNITS_A_BLOCK = 2


def unit_seconds(setting: Setting, times: int = 5) -> float:
    """Wall-clock seconds of a unit, the mean of ``times`` after one that warms up."""
    unit = unit_of(setting)
    unit()
    return _seconds(unit, times)[0]


@dataclass
class Cost:
    """What one step of an attack costs; times and operations in units."""

    name: str
    forward_passes: float
    backward_passes: float
    operations: float
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def unit_of(setting: Setting) -> Callable[[], object]:
    """The unit: one forward pass, one backward pass to the images, parameters frozen, no library."""
    model = copy.deepcopy(setting.model).requires_grad_(False)

    def unit() -> object:
        x = setting.images.clone().requires_grad_()
        return torch.autograd.grad(torch.stack(setting.plain_losses(model, x)).sum(), x)

    return unit


def costs(setting: Setting, contenders: Sequence[Contender], rounds: int) -> list[Cost]:
    """Each contender's cost a step: first what is exact (which warms up), then times, in turn with units.

    Every time is divided by the mean of the units just before and just after it.
    """
    unit = unit_of(setting)
    result = [_exact(setting.model, contender, unit) for contender in contenders]
    for _ in range(rounds):
        before = _seconds(unit, UNITS_A_BLOCK)
        for contender, cost in zip(contenders, result, strict=True):
            taken, after = _seconds(contender.run), _seconds(unit, UNITS_A_BLOCK)
            wall, cpu = (2 * t / (u + v) / contender.steps for t, u, v in zip(taken, before, after, strict=True))
            cost.wall.append(wall)
            cost.cpu.append(cpu)
            before = after
    return result


def _exact(model: nn.Module, contender: Contender, unit: Callable[[], object]) -> Cost:
    with _Operations() as of_unit:
        unit()
    with count_passes(model) as passes, _Operations() as operations:
        contender.run()
    exact = (passes.forward, passes.backward, operations.total / of_unit.total)
    return Cost(contender.name, *(count / contender.steps for count in exact))


class _Operations(TorchDispatchMode):
    """Count the floating-point operations of matrix products and convolutions, backward passes included.

    torch's own FlopCounterMode hooks modules in a way that torch.autograd.grad does not allow.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in flop_registry:
            self.total += flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=result)
        return result


def _seconds(run: Callable[[], object], times: int = 1) -> tuple[float, float]:
    """Wall-clock and CPU seconds of one run, the mean of ``times``."""
    _finish()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        run()
    _finish()
    return (time.perf_counter() - wall) / times, (time.process_time() - cpu) / times


def _finish() -> None:
    """Wait for a GPU, where one is in use."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
