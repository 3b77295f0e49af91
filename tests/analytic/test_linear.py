"""On a linear model the best perturbation is known: the attacks must find it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from tests import toys

EPS = 0.1


def value(output: Tensor, target: Tensor) -> Tensor:
    """The output itself as the loss: linear in the image."""
    return output + 0 * target


@pytest.fixture(name="case")
def _case() -> tuple[toys.Linear, mta.Tasks, Tensor, dict[str, Tensor]]:
    g = torch.Generator().manual_seed(0)
    weights = {name: torch.randn(3, 4, 4, generator=g) for name in ("a", "b")}
    images = 0.3 + 0.4 * torch.rand(5, 3, 4, 4, generator=g)  # far enough from 0 and 1: only the ball binds
    targets = {name: torch.zeros(5) for name in weights}
    return toys.Linear(weights), mta.Tasks(a=value, b=value), images, targets


ATTACKS: dict[str, Any] = {
    "FGSM": {},
    "PGD": {"alpha": 0.05, "steps": 10},
    "BIM": {"alpha": 0.05, "steps": 10},
    "APGD": {"steps": 10},
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("balance", ["total", "single:a", "weighted"])
def test_linf_optimum(name: str, balance: str, case: Any) -> None:
    model, tasks, images, targets = case
    shares = {"total": (1.0, 1.0), "single:a": (1.0, 0.0), "weighted": (0.2, 0.8)}[balance]
    rule = mta.Weighted(dict(zip("ab", shares, strict=True))) if balance == "weighted" else balance
    w = (torch.tensor(shares) @ model.weight.detach()).reshape(3, 4, 4)
    adversarial = getattr(mta, name)(model, tasks, balance=rule, eps=EPS, **ATTACKS[name])(images, targets)
    torch.testing.assert_close(adversarial, images + EPS * w.sign())


@pytest.mark.parametrize(("name", "arguments"), [("PGDL2", {"alpha": 0.2}), ("APGD", {"norm": "L2"})])
def test_l2_optimum(name: str, arguments: dict[str, Any], case: Any) -> None:
    model, tasks, images, targets = case
    w = model.weight.detach().sum(0).reshape(3, 4, 4)
    attack = getattr(mta, name)(model, tasks, balance="total", eps=EPS, steps=50, **arguments)
    score = (attack(images, targets) * w).flatten(1).sum(1)
    torch.testing.assert_close(score, (images * w).flatten(1).sum(1) + EPS * w.norm(), rtol=1e-3, atol=0)


def knapsack(images: Tensor, w: Tensor, eps: float) -> Tensor:
    """The largest rise ``(N,)`` of ``<w, x>`` in an L1 ball within [0, 1]: pixel by pixel, the best first."""
    rises = []
    for image in images.reshape(len(images), -1):
        left, rise = eps, 0.0
        for i in w.flatten().abs().argsort(descending=True):
            room = float(1 - image[i] if w.flatten()[i] > 0 else image[i])
            rise += min(left, room) * float(w.flatten()[i].abs())
            left -= min(left, room)
        rises.append(rise)
    return torch.tensor(rises)


@pytest.mark.parametrize("random_start", [False, True])
@pytest.mark.parametrize("steps", [1, 10, 50])
@pytest.mark.parametrize("eps", [0.01, 0.3, 2.0, 8.0, 100.0])
def test_l1_optimum_within_the_box(eps: float, steps: int, random_start: bool) -> None:
    g = torch.Generator().manual_seed(3)
    w, images = torch.randn(3, 4, 4, generator=g), torch.rand(6, 3, 4, 4, generator=g)
    model, tasks = toys.Linear({"a": w}), mta.Tasks(a=value)
    attack = mta.APGD(model, tasks, "total", norm="L1", eps=eps, steps=steps, random_start=random_start)
    found = attack(images, {"a": torch.zeros(6)})
    assert bool(((found - images).abs().flatten(1).sum(1) <= eps * (1 + 1e-5) + 1e-6).all())
    share = ((found - images) * w).flatten(1).sum(1) / knapsack(images, w, eps)
    assert share.min() > 0.99 and share.max() < 1 + 1e-4


@pytest.mark.parametrize(("norm", "eps", "share"), [("Linf", 0.3, 1.0), ("L2", 0.5, 0.99), ("L1", 3.0, 1.0)])
def test_apgd_reaches_the_optimum_in_every_norm(norm: str, eps: float, share: float, case: Any) -> None:
    """Far enough from 0 and 1 for L2, where the best point within a box has no closed form."""
    model, tasks, images, targets = case
    w = model.weight.detach().sum(0).reshape(3, 4, 4)
    found = mta.APGD(model, tasks, "total", norm=norm, eps=eps, steps=40)(images, targets)
    best = {
        "Linf": (((images + eps * w.sign()).clamp(0, 1) - images) * w).flatten(1).sum(1),
        "L2": eps * w.norm(),
        "L1": knapsack(images, w, eps),
    }[norm]
    reached = ((found - images) * w).flatten(1).sum(1) / best
    assert reached.min() > share - 1e-4 and reached.max() < 1 + 1e-4


def test_dgba_weighs_by_the_inverse_of_each_samples_own_losses(case: Any) -> None:
    model, tasks, images, targets = case
    losses = model(images)
    w = model.weight.detach()
    direction = w[0] / losses["a"].detach().abs()[:, None] + w[1] / losses["b"].detach().abs()[:, None]
    adversarial = mta.FGSM(model, tasks, balance="dgba", eps=EPS)(images, targets)
    torch.testing.assert_close(adversarial, images + EPS * direction.sign().reshape(images.shape))


def test_apgd_returns_each_samples_best_iterate_by_relative_increase(case: Any) -> None:
    """The gradient of the score of 'relative' is exact, so on a linear model the optimum is the corner it points to."""
    model, tasks, images, targets = case
    clean = {name: loss.detach() for name, loss in model(images).items()}
    w = model.weight.detach()
    corner = (w[0] / clean["a"].abs()[:, None] + w[1] / clean["b"].abs()[:, None]).sign().reshape(images.shape)
    adversarial = mta.APGD(model, tasks, balance="relative", eps=EPS, steps=20)(images, targets)
    torch.testing.assert_close(adversarial, images + EPS * corner)


def test_multi_attack_is_never_below_its_best_attack(case: Any) -> None:
    images, targets = toys.batch(6)
    model, tasks = toys.Toy(), toys.tasks()
    attacks = [
        mta.FGSM(model, tasks, balance="dgba"),
        mta.PGD(model, tasks, balance="single:depth", steps=5),
        mta.APGD(model, tasks, balance="relative", steps=5),
    ]
    score = mta.Objective(model, tasks, "dgba").bind(images, targets)
    best = torch.stack([score(x) for x in (images, *(attack(images, targets) for attack in attacks[::2]))])
    combined = score(mta.MultiAttack(attacks)(images, targets))
    assert bool((combined >= best.amax(0) - 1e-6).all())
