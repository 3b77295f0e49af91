"""The attacks whose cost is compared, each as a function without arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torchattacks
from torch import Tensor

import mt_torchattacks as mta
from benchmarks.cost.setting import CLASSES, Setting
from mt_torchattacks import checks

EPS, ALPHA = 8 / 255, 2 / 255
RULES = ("dgba", "total", "relative", "wgd", "single:segmentation", "sign_total")
BY_HAND_STEPS = 2  # it has no start, so a step costs the same in a short run


@dataclass(frozen=True)
class Contender:
    """An attack on a setting: a name, how many steps one run takes, and the run."""

    name: str
    steps: int
    run: Callable[[], object]


def several_tasks(setting: Setting, steps: int) -> Iterator[Contender]:
    """This library's attacks on all tasks, and the same PGD written by hand with one backward pass a task."""
    of, batch = (setting.model, setting.tasks), (setting.images, setting.targets)
    for rule in RULES:
        attack = mta.PGD(*of, rule, eps=EPS, alpha=ALPHA, steps=steps)
        yield Contender(f"mta.PGD, {rule}", steps, partial(attack, *batch))
    for start, random_start in (("clean", False), ("random", True)):
        attack = mta.APGD(*of, "dgba", eps=EPS, steps=steps, random_start=random_start)
        yield Contender(f"mta.APGD, dgba, {start} start", steps, partial(attack, *batch))
    yield Contender("mta.FGSM, dgba", 1, partial(mta.FGSM(*of, "dgba", eps=EPS), *batch))
    for name, weight_gradients in (("dgba, T backward passes", False), ("the same, weight gradients too", True)):
        yield Contender(f"by hand: {name}", BY_HAND_STEPS, partial(by_hand, setting, BY_HAND_STEPS, weight_gradients))


def one_task(setting: Setting, steps: int) -> Iterator[Contender]:
    """PGD and APGD on one classifier: this library's, and torchattacks' own."""
    images, (labels,) = setting.images, setting.targets.values()
    of, budget = (setting.model, setting.tasks, "total"), {"eps": EPS, "steps": steps}
    for ours in (mta.PGD(*of, alpha=ALPHA, **budget), mta.APGD(*of, **budget)):
        yield Contender(f"mta.{ours.attack}, total", steps, partial(ours, images, setting.targets))
    for theirs in (torchattacks.PGD(setting.model, alpha=ALPHA, **budget), torchattacks.APGD(setting.model, **budget)):
        yield Contender(f"torchattacks.{theirs.attack}", steps, partial(theirs, images, labels))


def art_one_task(setting: Setting, steps: int) -> Iterator[Contender]:
    """ART's own PGD and APGD on one classifier.

    Raises:
        ImportError: ART is not installed.
    """
    evasion = checks.optional("art.attacks.evasion", extra="art")
    classification = checks.optional("art.estimators.classification", extra="art")
    images, labels = setting.images.cpu().numpy(), setting.targets["class"].cpu().numpy()
    estimator = classification.PyTorchClassifier(
        setting.model,
        torch.nn.CrossEntropyLoss(),
        images.shape[1:],
        CLASSES,
        clip_values=(0, 1),
        device_type="gpu" if setting.images.is_cuda else "cpu",
    )
    budget = {"eps": EPS, "eps_step": ALPHA, "max_iter": steps, "verbose": False}
    pgd = evasion.ProjectedGradientDescent(estimator, num_random_init=1, **budget)
    apgd = evasion.AutoProjectedGradientDescent(estimator, nb_random_init=1, **budget)
    for name, attack in (("PGD", pgd), ("APGD", apgd)):
        yield Contender(f"ART's {name}", steps, partial(attack.generate, images, labels))


def by_hand(setting: Setting, steps: int, weight_gradients: bool) -> Tensor:
    """PGD with DGBA's direction of the batch's mean losses, written plainly: one backward pass a task.

    Args:
        setting: model, tasks and batch.
        steps: number of steps.
        weight_gradients: parameters are not frozen, so that each backward pass adds to the weights' gradients too.
    """
    x, parameters = setting.images, list(setting.model.parameters())
    for parameter in parameters:
        parameter.requires_grad_(weight_gradients)
    for _ in range(steps):
        x = x.detach().requires_grad_()
        direction = torch.zeros_like(x)
        for loss in setting.plain_losses(setting.model, x):
            x.grad = None
            loss.backward(retain_graph=True)
            assert x.grad is not None
            direction += x.grad / loss.detach().abs()
        x = (setting.images + (x.detach() + ALPHA * direction.sign() - setting.images).clamp(-EPS, EPS)).clamp(0, 1)
    setting.model.zero_grad()
    for parameter in parameters:
        parameter.requires_grad_(True)
    return x
