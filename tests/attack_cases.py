"""Attacks with few steps, and a model for which the best perturbation is known."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.attacks import ATTACKS, attack_class
from tests import toys

EPS = 8 / 255
TRAITS = {name: attack_class(name).traits for name in ATTACKS}
ALL = sorted(TRAITS)
FEW = {"steps": 3, "num_iter_set": 3, "n_queries": 40}


def make(name: str, model: nn.Module, tasks: mta.Tasks | None = None, balance: Any = "dgba", **more: Any) -> Any:
    """The attack with few steps and a known radius, whatever its arguments are called."""
    takes = inspect.signature(getattr(mta, name)).parameters
    radius = "eps" if "eps" in takes else "max_epsilon"
    arguments: dict[str, Any] = {radius: 1.0 if TRAITS[name].norm == "L2" else EPS}
    arguments |= {steps: count for steps, count in FEW.items() if steps in takes}
    return getattr(mta, name)(model, toys.tasks() if tasks is None else tasks, balance=balance, **arguments | more)


def value(output: Tensor, target: Tensor) -> Tensor:
    """The output itself as the loss: linear in the image."""
    return output + 0 * target


def linear(size: int = 6) -> tuple[toys.Linear, mta.Tasks, Tensor, dict[str, Tensor]]:
    g = torch.Generator().manual_seed(0)
    weight = torch.randn(3, size, size, generator=g)
    images = 0.3 + 0.4 * torch.rand(4, 3, size, size, generator=g)  # only the ball binds
    return toys.Linear({"a": weight}), mta.Tasks(a=value), images, {"a": torch.zeros(4)}
