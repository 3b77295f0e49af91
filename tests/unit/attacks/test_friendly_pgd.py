"""Friendly PGD against a plain loop for one sample at a time, in float64, with the gradients taken one by one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation import count_passes
from tests import toys

EPS, ALPHA, STEPS = 16 / 255, 2 / 255, 8


def setting(n: int = 6) -> tuple[nn.Module, Tensor, dict[str, Tensor]]:
    images, targets = toys.batch(n)
    wide = {name: target.double() if target.is_floating_point() else target for name, target in targets.items()}
    return toys.Toy().double(), images.double(), wide


def rises(model: nn.Module, x: Tensor, clean: Tensor, target: dict[str, Tensor]) -> Tensor:
    now, before = (torch.cat(list(toys.tasks().losses(model(at), target).values())) for at in (x, clean))
    return (now - before.detach()) / before.detach()


def plain_loop(
    model: nn.Module, clean: Tensor, target: dict[str, Tensor], tau: int, least: float
) -> tuple[Tensor, int]:
    """Algorithm 2 of 'Attacking All Tasks at Once' on one image; also the number of steps that were taken."""
    x, steps = clean, 0
    for _ in range(STEPS):
        point = x.clone().requires_grad_()
        if float(rises(model, point, clean, target).sum().detach()) >= least:
            if tau == 0:
                break
            tau -= 1
        direction = torch.zeros_like(x)
        for loss in toys.tasks().losses(model(point), target).values():
            direction += torch.autograd.grad(loss.sum(), point, retain_graph=True)[0] / float(loss.detach())
        x = (x + ALPHA * direction.sign()).clamp(clean - EPS, clean + EPS).clamp(0, 1).detach()
        steps += 1
    return x, steps


@pytest.mark.parametrize("tau", [0, 1, 3])
def test_it_is_the_plain_loop_of_each_sample(tau: int) -> None:
    model, images, targets = setting()
    least = 0.1  # after three steps for some, after four for others
    attack = mta.FriendlyPGD(
        model, toys.tasks(), eps=EPS, alpha=ALPHA, steps=STEPS, tau=tau, broken=least, random_start=False
    )
    with count_passes(model) as passes:
        found = attack(images, targets)
    taken = []
    for i in range(len(images)):
        target = {name: value[i : i + 1] for name, value in targets.items()}
        expected, steps = plain_loop(model, images[i : i + 1], target, tau, least)
        assert torch.equal(found[i : i + 1], expected)
        taken.append(steps)
    assert len(set(taken)) > 1  # samples differ in when they break
    assert passes.backward_samples == sum(min(steps + 1, STEPS) for steps in taken)


@pytest.mark.parametrize("rule", ["dgba", "total", "sign_total"])
@pytest.mark.parametrize("more", [{"tau": None}, {"tau": STEPS}, {"broken": 1e9}])
def test_without_a_limit_it_is_pgd(rule: str, more: dict[str, Any]) -> None:
    model, images, targets = setting()
    same: dict[str, Any] = {"balance": rule, "eps": EPS, "alpha": ALPHA, "steps": STEPS, "random_start": False}
    expected = mta.PGD(model, toys.tasks(), **same)(images, targets)
    assert torch.equal(mta.FriendlyPGD(model, toys.tasks(), **same, **more)(images, targets), expected)


def test_the_random_start_is_a_new_one_each_time() -> None:
    model, images, targets = setting()
    attack = mta.FriendlyPGD(model, toys.tasks(), eps=EPS, alpha=ALPHA, steps=1)
    torch.manual_seed(0)
    first, second = attack(images, targets), attack(images, targets)
    torch.manual_seed(0)
    assert torch.equal(attack(images, targets), first)
    assert not torch.equal(first, second)


def test_thresholds_by_task_must_all_be_reached() -> None:
    model, images, targets = setting()
    attack = mta.FriendlyPGD(
        model, toys.tasks(), eps=EPS, alpha=ALPHA, steps=STEPS, broken={"classes": 0.08, "normal": 0.003}
    )
    found = attack(images, targets)
    for i in range(len(images)):
        target = {name: value[i : i + 1] for name, value in targets.items()}
        risen = dict(zip(toys.NAMES, rises(model, found[i : i + 1], images[i : i + 1], target).tolist(), strict=True))
        assert risen["classes"] >= 0.08
        assert risen["normal"] >= 0.003
    longer = mta.FriendlyPGD(model, toys.tasks(), eps=EPS, alpha=ALPHA, steps=STEPS, tau=None)
    with count_passes(model) as few:
        attack(images, targets)
    with count_passes(model) as all_steps:
        longer(images, targets)
    assert few.backward_samples < all_steps.backward_samples


def test_a_function_of_the_outputs_says_when_a_sample_is_broken() -> None:
    model, images, targets = setting()
    with torch.no_grad():
        targets["classes"] = model(images)["classes"].argmax(dim=1)  # right at first

    def wrong(outputs: Any, goals: Any) -> Tensor:
        return torch.as_tensor(outputs["classes"].argmax(dim=1) != goals["classes"])

    tasks = toys.tasks().only(["classes"])
    own: Any = {"eps": 0.5, "alpha": 0.01, "steps": 60, "random_start": False}
    found = mta.FriendlyPGD(model, tasks, broken=wrong, **own)(images, targets)
    assert bool(wrong(model(found), targets).all())
    far = mta.FriendlyPGD(model, tasks, tau=None, **own)(images, targets)
    assert bool(((found - images).abs().amax(dim=(1, 2, 3)) < (far - images).abs().amax(dim=(1, 2, 3))).all())


def test_training_on_it_makes_a_model_that_is_harder_to_attack() -> None:
    torch.manual_seed(0)
    weight = torch.tensor([1.0, 1.0] + [0.02] * 30)  # two features that last, thirty that an attack can turn
    x = torch.rand(256, 32)
    targets = {"label": ((x - 0.5) @ weight > 0).long()}
    tasks = mta.Tasks(label=mta.losses.CrossEntropy())
    clean, robust = nn.Linear(32, 2), nn.Linear(32, 2)
    models = {"clean": wrapped(clean), "robust": wrapped(robust)}
    attack = mta.FriendlyPGD(models["robust"], tasks, eps=0.1, alpha=0.05, steps=4, tau=1, broken=wrong_label)
    for name, model in models.items():
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        own: Any = {"attack": attack if name == "robust" else None}
        mta.training.adversarial.train_on_batches(model, tasks, lambda: [(x, targets)], optimizer, 60, **own)
    losses = {}
    for name, model in models.items():
        attacked = mta.PGD(model, tasks, eps=0.1, alpha=0.02, steps=10)(x, targets)
        losses[name] = float(tasks.losses(model(attacked), targets)["label"].detach().mean())
    assert losses["robust"] < losses["clean"]


def wrapped(linear: nn.Module) -> nn.Module:
    return nn.Sequential(linear, Named())


class Named(nn.Module):
    """Scores as the output of the task ``label``."""

    def forward(self, scores: Tensor) -> dict[str, Tensor]:
        return {"label": scores}


def wrong_label(outputs: Any, targets: Any) -> Tensor:
    return torch.as_tensor(outputs["label"].argmax(dim=1) != targets["label"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"tau": -1}, "tau: expected a whole number >= 0, or None, found -1"),
        ({"tau": 1.5}, "tau: expected a whole number >= 0, or None"),
        ({"broken": "often"}, "broken: expected a number, numbers by task, or a function"),
        ({"broken": {"dept": 1.0}}, "broken: .*'dept'"),
        ({"broken": lambda outputs, targets: 1}, r"broken: expected booleans of shape \(4,\)"),
    ],
)
def test_bad_arguments(more: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        mta.FriendlyPGD(toys.Toy(), toys.tasks(), **more)(*toys.batch(4))
