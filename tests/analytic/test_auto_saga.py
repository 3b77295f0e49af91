"""Auto-SAGA against its equations, written plainly in float64: one sample, one task, one backward pass at a time."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.geometry.ball import Ball
from tests import toys

EPS, ALPHA, STEPS = 8 / 255, 2 / 255, 5


def loss(model: Any, x: Tensor, targets: dict[str, Tensor], i: int, task: str) -> Tensor:
    """The loss of one task for one image."""
    tasks = toys.tasks().only([task])
    return tasks.losses(model(x.unsqueeze(0)), {k: t[i : i + 1] for k, t in targets.items()})[task][0]


def gradient(value: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(value, x)[0]


class Reference:
    """The equations for sample i; ``divide`` for balance='dgba'."""

    def __init__(self, model: Any, images: Tensor, targets: dict[str, Tensor], i: int, divide: bool, **arguments: Any):
        self.model, self.clean, self.targets, self.i, self.divide = model, images[i], targets, i, divide
        self.phi = {task: arguments.get("attention", {}).get(task, torch.ones_like) for task in toys.NAMES}
        self.sign = dict.fromkeys(toys.NAMES, 1.0) | arguments.get("sign", {})
        self.rate, self.factor, self.decay = arguments["learning_rate"], arguments["fitting_factor"], arguments["decay"]

    def project(self, x: Tensor) -> Tensor:
        low = torch.maximum(self.clean - EPS, torch.zeros_like(self.clean))
        high = torch.minimum(self.clean + EPS, torch.ones_like(self.clean))
        return torch.minimum(torch.maximum(x, low), high)

    def task_gradient(self, x: Tensor, task: str) -> Tensor:
        x = x.clone().requires_grad_()
        value = self.sign[task] * loss(self.model, x, self.targets, self.i, task)
        return gradient(value, x) / (value.detach().abs() if self.divide else 1.0)

    def seen(self, x: Tensor, task: str) -> Tensor:
        return self.phi[task](x.unsqueeze(0))[0] * self.task_gradient(x, task)

    def step(self, x: Tensor, weights: dict[str, Tensor], momentum: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        unit = sum(self.seen(self.clean, task) for task in weights).abs().mean()
        at_x = {task: self.seen(x, task) / unit for task in weights}
        weights = {task: weight.detach().requires_grad_() for task, weight in weights.items()}
        blended = sum(weights[task] * at_x[task] for task in weights)
        trial = self.project(x + ALPHA * blended.detach().sign())
        at_trial = sum(self.task_gradient(trial, task) for task in weights) / unit
        soft = x + ALPHA * torch.tanh(self.factor * blended)
        rises = torch.autograd.grad((soft * at_trial).sum(), list(weights.values()))
        weights = {t: (w + self.rate * rise).detach() for (t, w), rise in zip(weights.items(), rises, strict=True)}
        momentum = self.decay * momentum + sum(weights[task] * at_x[task] for task in weights)
        return self.project(x + ALPHA * momentum.sign()), weights, momentum

    @torch.no_grad()
    def score(self, x: Tensor) -> float:
        total = 0.0
        for task in toys.NAMES:
            now, before = (float(loss(self.model, z, self.targets, self.i, task)) for z in (x, self.clean))
            total += self.sign[task] * ((now - before) / abs(before) if self.divide else now)
        return total


CASES: dict[str, dict[str, Any]] = {
    "defaults": {"learning_rate": 250.0, "fitting_factor": 1.0, "decay": 0.0},
    "weights that move far": {"learning_rate": 1e4, "fitting_factor": 0.3, "decay": 0.0},
    "a sign that overflowed sech": {"learning_rate": 10.0, "fitting_factor": 1e4, "decay": 0.0},
    "momentum": {"learning_rate": 100.0, "fitting_factor": 2.0, "decay": 0.9},
}


def saga(model: Any, tasks: mta.Tasks, balance: str = "dgba", steps: int = STEPS, **arguments: Any) -> Any:
    return mta.AutoSAGA(model, tasks, balance, eps=EPS, alpha=ALPHA, steps=steps, **arguments)


def iterates(attack: Any, images: Tensor, targets: dict[str, Tensor]) -> list[Any]:
    return list(attack.iterates(attack.bind(images, targets), Ball(images, EPS, math.inf, clip=(0.0, 1.0))))


def compared(attack: Any, model: Any, images: Tensor, targets: dict[str, Tensor], **more: Any) -> float:
    """Assert that iterates, weights and scores agree at every step; the largest weight found."""
    arguments = {name: getattr(attack, name) for name in ("learning_rate", "fitting_factor", "decay")}
    found = iterates(attack, images, targets)
    assert len(found) == STEPS + 1
    for i in range(len(images)):
        reference = Reference(model, images, targets, i, attack.balance == "dgba", **arguments, **more)
        x, momentum = images[i], torch.zeros_like(images[i])
        weights = {task: torch.ones_like(images[i]) for task in toys.NAMES}
        for k, iterate in enumerate(found):
            torch.testing.assert_close(iterate.x[i], x, rtol=0, atol=1e-9)
            torch.testing.assert_close(iterate.blend[i], torch.stack(list(weights.values())), rtol=1e-9, atol=1e-9)
            assert float(iterate.score[i]) == pytest.approx(reference.score(x), abs=1e-9)
            if k < STEPS:
                x, weights, momentum = reference.step(x, weights, momentum)
    return float(max((iterate.blend - 1).abs().max() for iterate in found))


@pytest.mark.parametrize("balance", ["baseline", "dgba"])
@pytest.mark.parametrize("case", CASES)
def test_iterates_and_weights_follow_the_equations(case: str, balance: str) -> None:
    model, (images, targets) = toys.Toy().double(), toys.batch(3)
    attack = saga(model, toys.tasks(), balance, **CASES[case])
    moved = compared(attack, model, images.double(), targets)
    assert moved > (10 if case == "weights that move far" else 1e-3)


def test_attention_weighs_a_tasks_pixels() -> None:
    """The maps are those of the iterate at which the gradients are taken."""
    model, (images, targets) = toys.Toy().double(), toys.batch(2)
    attention = {"depth": lambda x: x.mean(dim=1, keepdim=True), "normal": lambda x: 0 * x[:, :1]}
    attack = saga(model, toys.tasks(), attention=attention, **CASES["momentum"])
    compared(attack, model, images.double(), targets, attention=attention)


def test_roles_enter_with_their_signs() -> None:
    model, (images, targets) = toys.Toy().double(), toys.batch(2)
    tasks = toys.tasks().with_roles(depth="preserve")
    attack = saga(model, tasks, **CASES["momentum"])
    compared(attack, model, images.double(), targets, sign={"depth": -1.0})


@pytest.mark.parametrize("balance", ["total", "dgba"])
def test_with_a_learning_rate_of_0_it_is_the_basic_iterative_method(balance: str) -> None:
    model, (images, targets) = toys.Toy().double(), toys.batch(3)
    images = images.double()
    *_, last = iterates(saga(model, toys.tasks(), balance, steps=3, learning_rate=0.0), images, targets)
    host = mta.BIM(model, toys.tasks(), balance, eps=EPS, alpha=ALPHA, steps=3)
    torch.testing.assert_close(last.x, host(images, targets), rtol=0, atol=1e-12)


def test_with_a_large_learning_rate_a_step_follows_the_gradient_at_the_trial_point() -> None:
    """``G + r alpha lambda sech^2 sum_i g_i^2 grad F(x')``: what the update of the weights does to the direction."""
    model, (images, targets) = toys.Toy().double(), toys.batch(3)
    images = images.double()
    attack = saga(model, toys.tasks(), steps=1, fitting_factor=1e-3, learning_rate=1e30)
    *_, last = iterates(attack, images, targets)
    bound = attack.bind(images, targets)
    start = images.clone().requires_grad_()
    trial = images + ALPHA * torch.autograd.grad(bound(start).sum(), start)[0].sign()
    trial = trial.clamp(0, 1).requires_grad_()
    rise = torch.autograd.grad(bound(trial).sum(), trial)[0]
    assert ((last.x - images) * rise >= 0).all()
    assert ((last.x - images) == 0).double().mean() < 0.2  # pixels at 0 or 1 that may not go on
