"""Optimizers and learning-rate schedules, by name or by name and options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

import torch
from torch.optim import lr_scheduler

from mt_torchattacks import checks

Choice: TypeAlias = str | Mapping[str, Any]
"""A name, or a mapping with the ``name`` and the options."""


def _one_cycle(optimizer: torch.optim.Optimizer, steps: int) -> Any:
    highest = [group["lr"] for group in optimizer.param_groups]
    return lr_scheduler.OneCycleLR(optimizer, highest, total_steps=steps)


def _step(optimizer: torch.optim.Optimizer, steps: int, *, every: int, factor: float) -> Any:
    return lr_scheduler.StepLR(optimizer, every, factor)


def _constant(optimizer: torch.optim.Optimizer, steps: int) -> Any:
    return None


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": partial(torch.optim.AdamW, fused=True),
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}
"""Functions of the parameters, ``lr``, ``weight_decay`` and PyTorch's other options."""

SCHEDULES: dict[str, Callable[..., Any]] = {"one_cycle": _one_cycle, "step": _step, "constant": _constant}
"""Functions of the optimizer, the number of steps and, for ``step``, ``every`` how many steps which ``factor``."""


def make_optimizer(choice: Choice, parameters: Iterable[Any], lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """An optimizer of :data:`OPTIMIZERS`.

    Args:
        choice: which, e.g. ``{"name": "adam", "betas": [0.5, 0.999]}``.
        parameters: what it trains, or groups of it.
        lr: learning rate, > 0.
        weight_decay: >= 0.

    Raises:
        TypeError: an option that it does not have.
        ValueError: no such optimizer, or a number out of range.
    """
    make, options = _chosen(choice, "optimizer", OPTIMIZERS)
    checks.positive(lr, "lr")
    checks.require(weight_decay >= 0, "weight_decay", "a number >= 0", weight_decay)
    optimizer: torch.optim.Optimizer = make(parameters, lr=lr, weight_decay=weight_decay, **options)
    return optimizer


def make_schedule(choice: Choice, optimizer: torch.optim.Optimizer, steps: int) -> Any:
    """A schedule of :data:`SCHEDULES`, to be stepped after each step; None where the learning rate stays as it is.

    Args:
        choice: which, e.g. ``{"name": "step", "every": 4000, "factor": 0.5}``.
        optimizer: its learning rate is the highest of ``one_cycle``, the first of ``step``.
        steps: how many there will be.

    Raises:
        TypeError: an option that it does not have, or one that is missing.
        ValueError: no such schedule.
    """
    make, options = _chosen(choice, "schedule", SCHEDULES)
    return make(optimizer, steps, **options)


def _chosen(
    choice: Choice, argument: str, there: Mapping[str, Callable[..., Any]]
) -> tuple[Callable[..., Any], dict[str, Any]]:
    options = {"name": choice} if isinstance(choice, str) else dict(choice)
    name = str(options.pop("name", None))
    checks.one_of(name, argument, there)
    return there[name], options
