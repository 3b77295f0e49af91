"""The same numbers on a GPU as on the processor, and steps that do not wait for it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.attacks import attack_class
from mt_torchattacks.training import fit
from tests import toys
from tests.attack_cases import ALL, EPS, make

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

RULES = ["dgba", "total", "relative", "wgd", "max_min", "sign_total", "single:depth"]


def moved(targets: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {task: target.cuda() for task, target in targets.items()}


@pytest.mark.parametrize("balance", RULES)
def test_directions_are_those_of_the_processor(balance: str) -> None:
    images, targets = toys.batch()
    of = mta.Objective(toys.Toy().double(), toys.tasks(), balance)
    bound = of.bind(images.double(), targets)
    there = mta.Objective(toys.Toy().double().cuda(), toys.tasks(), balance).bind(
        images.double().cuda(), moved(targets)
    )
    x, y = (one.images.detach().clone().requires_grad_() for one in (bound, there))
    (expected,) = torch.autograd.grad(bound(x).sum(), x)
    (found,) = torch.autograd.grad(there(y).sum(), y)
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_every_attack_is_as_strong_as_on_the_processor(name: str) -> None:
    images, targets = toys.batch()
    torch.manual_seed(0)
    here = make(name, toys.Toy())
    harm = here.scores(here(images, targets), images, targets).mean()
    torch.manual_seed(0)
    there = make(name, toys.Toy().cuda())
    found = there(images.cuda(), moved(targets))
    assert found.device.type == "cuda"
    radius = 1.0 if attack_class(name).traits.norm == "L2" else EPS
    delta = (found.cpu() - images).flatten(1)
    length = delta.norm(dim=1) if attack_class(name).traits.norm == "L2" else delta.abs().amax(dim=1)
    assert bool((length <= radius + 1e-5).all())
    there_harm = there.scores(found, images.cuda(), moved(targets)).mean().cpu()
    assert float(there_harm) > 0.5 * float(harm)


@pytest.mark.parametrize("balance", ["dgba", "sign_total"])
@pytest.mark.parametrize("name", ["PGD", "APGD", "MIFGSM"])
def test_without_a_random_start_the_images_are_those_of_the_processor(name: str, balance: str) -> None:
    images, targets = toys.batch()
    more: dict[str, Any] = {"steps": 5} | ({} if name == "MIFGSM" else {"random_start": False})
    here = getattr(mta, name)(toys.Toy().double(), toys.tasks(), balance, **more)(images.double(), targets)
    model = toys.Toy().double().cuda()
    there = getattr(mta, name)(model, toys.tasks(), balance, **more)(images.double().cuda(), moved(targets))
    assert float(((there.cpu() - here).abs() > 1e-9).double().mean()) < 0.001


def waits(attack: Any) -> int:
    images, targets = toys.batch()
    images, targets = images.cuda(), moved(targets)
    attack(images, targets)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            attack(images, targets)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(one.message) for one in seen)


@pytest.mark.parametrize("balance", RULES)
@pytest.mark.parametrize("name", ["PGD", "APGD"])
def test_steps_do_not_wait_for_the_device(name: str, balance: str) -> None:
    model = toys.Toy().cuda()
    few, many = (getattr(mta, name)(model, toys.tasks(), balance, steps=steps) for steps in (3, 9))
    assert waits(few) == waits(many)


def test_memory_does_not_grow_with_the_steps() -> None:
    images, targets = toys.batch()
    images, targets, model = images.cuda(), moved(targets), toys.Toy().cuda()
    peaks = []
    for steps in (3, 3, 30):
        torch.cuda.reset_peak_memory_stats()
        mta.APGD(model, toys.tasks(), steps=steps)(images, targets)
        peaks.append(torch.cuda.max_memory_allocated())
    assert peaks[2] <= 1.05 * peaks[1]


def test_adversarial_training_runs_on_the_device() -> None:
    data = mta.data.Rooms(length=16, size=16, tasks=("depth", "normal"))
    layout = mta.models.Layout.all_shared(2, 5)
    model = mta.models.branched("tiny_resnet", layout, heads={"depth": 1, "normal": 3})
    tasks = mta.standard_tasks(["depth", "normal"])
    attack = mta.FriendlyPGD(model, tasks, eps=4 / 255, alpha=1 / 255, steps=3, tau=1, broken=1.0)
    fit(model, tasks, data, epochs=1, batch_size=8, attack=attack, progress=False)
    assert next(model.parameters()).device.type == "cuda"
