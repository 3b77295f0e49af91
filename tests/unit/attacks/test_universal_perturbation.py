"""One perturbation for all images: closed forms on a linear model, steps against separate backward passes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta

SHAPE = (3, 6, 6)


class Linear(nn.Module):
    """Each task's output is one number, linear in the image."""

    def __init__(self, **weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.ParameterDict(weights)
        self.norm = nn.BatchNorm1d(1)  # a buffer, and a mode that matters

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {name: (x * weight).flatten(1).sum(dim=1, keepdim=True) for name, weight in self.weights.items()}


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def batches(count: int = 3, seed: int = 0) -> list[tuple[Tensor, dict[str, Tensor]]]:
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        images = 0.4 + 0.2 * torch.rand(4, *SHAPE, generator=generator, dtype=torch.float64)
        found.append((images, {name: torch.full((4, 1), -50.0, dtype=torch.float64) for name in ("a", "b")}))
    return found


TASKS = mta.Tasks(a=mta.losses.L1(), b=mta.losses.L1())


@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_the_best_perturbation_of_a_linear_model(norm: str) -> None:
    """The loss of a task is ``<w, x> + 50``: for one task the perturbation is the radius along w."""
    w = numbers(*SHAPE)
    eps = 0.1 if norm == "Linf" else 0.5
    attack = mta.UniversalPerturbation(Linear(a=w, b=-w).double(), TASKS, "single:a", norm, eps, epochs=60)
    found = attack.fit(batches()).perturbation
    expected = eps * w.sign() if norm == "Linf" else eps * w / w.norm()
    torch.testing.assert_close(found, expected, atol=2e-2 * eps, rtol=0)
    assert attack.scores[-1] > attack.scores[0]


def test_two_steps_against_separate_backward_passes() -> None:
    """The rule ``dgba`` in float64: sums over samples and tasks of ``grad L / L``, a backward pass each."""
    model = Linear(a=numbers(*SHAPE), b=numbers(*SHAPE, seed=1)).double()
    eps, alpha = 0.05, 0.25
    attack = mta.UniversalPerturbation(model, TASKS, "dgba", eps=eps, alpha=alpha, epochs=2, seed=7)
    one = mta.UniversalPerturbation(model, TASKS, "dgba", eps=eps, alpha=1e-300, epochs=1, seed=7).fit(batches(1))
    expected = one.perturbation  # where it starts
    scores = []
    for epoch in range(2):
        [(images, targets)] = batches(1)
        direction, score = torch.zeros(SHAPE, dtype=torch.float64), 0.0
        for i in range(len(images)):
            for name in TASKS:
                x = (images[i : i + 1] + expected).clamp(0, 1).requires_grad_()
                loss = (model(x)[name] - targets[name][i : i + 1]).abs().squeeze()
                clean = (model(images[i : i + 1])[name] - targets[name][i : i + 1]).abs().squeeze()
                direction += torch.autograd.grad(loss, x)[0][0] / loss.detach()
                score += float((loss / clean - 1).detach())
        scores.append(score / len(images))
        expected = (expected + alpha * eps * (1 - epoch / 2) * direction.sign()).clamp(-eps, eps)
    torch.testing.assert_close(attack.fit(batches(1)).perturbation, expected, atol=1e-12, rtol=0)
    assert attack.scores == pytest.approx(scores, rel=1e-9)


def test_images_with_it_and_all_else_as_it_was() -> None:
    model = Linear(a=numbers(*SHAPE), b=numbers(*SHAPE, seed=1)).double().train()
    before, numbers_before = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    attack = mta.UniversalPerturbation(model, TASKS, eps=0.3, epochs=2).fit(batches())
    images = torch.rand(2, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    found = attack(images)
    torch.testing.assert_close(found, (images + attack.perturbation).clamp(0, 1))
    assert torch.equal(attack(images[1:]), found[1:]) and torch.equal(attack(images=images, targets={}), found)
    assert model.training and model.norm.training and torch.equal(torch.get_rng_state(), numbers_before)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert float(attack.perturbation.abs().max()) <= 0.3 + 1e-12


@pytest.mark.parametrize("normalized", [False, True])
def test_pixels_of_another_range(normalized: bool) -> None:
    """Pixels in [0, 255], or normalized ones, give the same perturbation in their own unit."""
    model = Linear(a=numbers(*SHAPE), b=numbers(*SHAPE, seed=1)).double()
    plain = mta.UniversalPerturbation(model, TASKS, "single:a", eps=0.05, epochs=3).fit(batches())
    if normalized:
        other = mta.UniversalPerturbation(model, TASKS, "single:a", eps=0.05, epochs=3)
        other.set_normalization_used([0.5] * 3, [0.5] * 3)
        found = other.fit([((images - 0.5) / 0.5, targets) for images, targets in batches()])
        images = batches()[0][0]
        torch.testing.assert_close(found((images - 0.5) / 0.5), (plain(images) - 0.5) / 0.5)
    else:
        for weight in model.weights.values():
            weight.data /= 255
        other = mta.UniversalPerturbation(model, TASKS, "single:a", eps=0.05 * 255, epochs=3, bounds=(0, 255))
        found = other.fit([(255 * images, targets) for images, targets in batches()])
        torch.testing.assert_close(found.perturbation, 255 * plain.perturbation)


def test_it_raises_all_errors_on_rooms_that_it_has_not_seen() -> None:
    model = mta.models.zoo("rooms3/all-shared")
    tasks = mta.standard_tasks(["segmentation", "normal", "depth"])
    seen, held_out = (list(torch.utils.data.DataLoader(mta.data.Rooms(length=24, seed=s), 12)) for s in (3, 1))
    attack = mta.UniversalPerturbation(model, tasks, "max_min", eps=16 / 255, epochs=5).fit(seen)
    found = mta.evaluate(model, tasks, held_out, attacks={"universal": attack}, progress=False).arp()
    assert (found.loc["universal", ["segmentation", "normal", "depth"]] > 5).all()


def test_an_error_leaves_the_last_fit() -> None:
    model = Linear(a=numbers(*SHAPE), b=numbers(*SHAPE, seed=1)).double()
    attack = mta.UniversalPerturbation(model, TASKS, epochs=2).fit(batches())
    before, scores = attack.perturbation, attack.scores
    with pytest.raises(KeyError, match="targets: expected the keys 'a', 'b'; 'b' missing"):
        attack.fit([*batches(), (batches()[0][0], {"a": torch.zeros(4, 1)})])
    assert torch.equal(attack.perturbation, before) and attack.scores == scores


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"norm": "L1"}, "norm: expected one of 'Linf', 'L2', found 'L1'"),
        ({"eps": 8}, "eps: expected a radius of at most 1"),
        ({"alpha": 0}, "alpha: expected a number > 0, found 0"),
        ({"epochs": 0}, "epochs: expected a number > 0, found 0"),
        ({"seed": -1}, "seed: expected a whole number >= 0, found -1"),
        ({"balance": "dgbaa"}, "balance: expected one of"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mta.UniversalPerturbation(Linear(a=numbers(*SHAPE)), TASKS, **arguments)


def test_bad_calls() -> None:
    model = Linear(a=numbers(*SHAPE), b=numbers(*SHAPE, seed=1)).double()
    attack = mta.UniversalPerturbation(model, TASKS, epochs=1)
    with pytest.raises(RuntimeError, match=r"expected a call of fit\(loader\) first, found an attack that was not"):
        attack(batches()[0][0])
    with pytest.raises(ValueError, match="loader: expected at least one batch in each epoch, found none in epoch 1"):
        attack.fit([])
    attack.fit(batches())
    with pytest.raises(ValueError, match=r"images: expected images of one size, found \(3, 6, 7\) for"):
        attack(torch.rand(2, 3, 6, 7))
    with pytest.raises(ValueError, match="epoch 2"):
        mta.UniversalPerturbation(model, TASKS, epochs=2).fit(iter(batches()))  # a loader that is used up
    assert math.isfinite(attack.scores[0])
