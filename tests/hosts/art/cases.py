"""One model, its estimator and a batch of arrays, for the tests of the ART plugin."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

import mt_torchattacks as mta
from art_plugins import (
    AutoProjectedGradientDescent,
    FastGradientMethod,
    MomentumIterativeMethod,
    ProjectedGradientDescent,
    PyTorchMultiTaskEstimator,
)
from tests import toys

EPS = 8 / 255
MEAN, STD = np.array([0.4, 0.5, 0.6], np.float32), np.array([0.2, 0.25, 0.3], np.float32)

# The plugin's attacks, with few steps and no chance in them.
ATTACKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "FastGradientMethod": (FastGradientMethod, {}),
    "ProjectedGradientDescent": (ProjectedGradientDescent, {"max_iter": 3}),
    "MomentumIterativeMethod": (MomentumIterativeMethod, {"max_iter": 3}),
    "AutoProjectedGradientDescent": (AutoProjectedGradientDescent, {"max_iter": 3, "nb_random_init": 0}),
}

ALL = sorted(ATTACKS)
QUICK = {"eps": EPS, "eps_step": EPS / 2, "max_iter": 2, "verbose": False}


def estimator(model: nn.Module | None = None, **arguments: Any) -> PyTorchMultiTaskEstimator:
    """An estimator of the toy model."""
    given = {"tasks": toys.tasks(), "input_shape": (3, 16, 16), "clip_values": (0.0, 1.0), "device_type": "cpu"}
    return PyTorchMultiTaskEstimator(toys.Toy() if model is None else model, **given | arguments)


def arrays(n: int = 4) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Images and targets as arrays."""
    images, targets = toys.batch(n)
    return images.numpy(), {name: target.numpy() for name, target in targets.items()}


def attack(name: str, wrapped: PyTorchMultiTaskEstimator, **arguments: Any) -> Any:
    """An attack of the plugin."""
    kind, few = ATTACKS[name]
    quiet = {} if name == "FastGradientMethod" else {"verbose": False}
    return kind(wrapped, **{"eps": EPS, "eps_step": EPS / 2, **few, **quiet, **arguments})


def scores(model: nn.Module, x: np.ndarray, adversarial: np.ndarray, balance: str = "dgba") -> np.ndarray:
    """The rule's score at adversarial images, for the toys' targets."""
    score = mta.Objective(model, toys.tasks(), balance).bind(torch.from_numpy(x), toys.batch(len(x))[1])
    with torch.no_grad():
        return score(torch.from_numpy(adversarial)).numpy()


def state(model: nn.Module) -> tuple[Any, ...]:
    """All of a model that an attack has to leave alone."""
    return (
        [module.training for module in model.modules()],
        [parameter.requires_grad for parameter in model.parameters()],
        [copy.deepcopy(parameter.grad) for parameter in model.parameters()],
        {key: value.clone() for key, value in model.state_dict().items()},
    )


def same_state(found: tuple[Any, ...], expected: tuple[Any, ...]) -> bool:
    """Whether two states are equal, bit for bit."""
    return (
        found[:2] == expected[:2]
        and all((a is None and b is None) or bool((a == b).all()) for a, b in zip(found[2], expected[2], strict=True))
        and all(bool((value == expected[3][key]).all()) for key, value in found[3].items())
    )
