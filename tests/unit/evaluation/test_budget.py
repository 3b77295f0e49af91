"""Budgets of passes: counted at the model, for attacks of any library, with the best image of all that it saw."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchattacks
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation import Budgeted
from tests import toys

EPS = 8 / 255


def budgeted(attack: Any, model: nn.Module, passes: int, **more: Any) -> Budgeted:
    return Budgeted(attack, model, toys.tasks(), passes=passes, eps=EPS, **more)


def score(model: nn.Module, candidates: Tensor, images: Tensor, targets: Any) -> Tensor:
    """Sum of the relative rises of the losses, without an Objective."""
    with torch.no_grad():
        clean, now = (torch.stack(list(toys.tasks().losses(model(x), targets).values())) for x in (images, candidates))
    return ((now - clean) / clean.abs()).sum(dim=0)


@pytest.mark.parametrize("passes", [2, 7, 20, 41])
def test_a_budget_is_kept_and_used_up(passes: int) -> None:
    model, (images, targets) = toys.Toy(), toys.batch(3)
    limited = budgeted(mta.PGD(model, toys.tasks(), eps=EPS, steps=1000), model, passes)
    adversarial = limited(images, targets)
    counted = limited.counted
    assert passes - 1 <= counted.forward + counted.backward <= passes
    assert counted.forward_samples == 3 * counted.forward
    assert limited.stopped
    assert limited.curve[-1].passes <= passes
    assert (adversarial - images).abs().max() <= EPS * (1 + 1e-4)


def test_an_attack_that_ends_before_is_not_stopped_and_its_last_image_counts() -> None:
    model, (images, targets) = toys.Toy(), toys.batch(3)
    attack = mta.PGD(model, toys.tasks(), eps=EPS, alpha=EPS / 4, steps=4, random_start=False)
    limited = budgeted(attack, model, 100)
    adversarial = limited(images, targets)
    assert not limited.stopped
    assert torch.equal(adversarial, attack(images, targets))  # on this smooth toy each step is better than the last
    assert limited.counted.forward == 5


def wandering(model: nn.Module, seen: list[Tensor]) -> Any:
    """An attack of another library: it shows random images, also far too large ones, and returns the clean image."""

    def attack(images: Tensor, targets: Any) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        for size in (0.5, 1, 5, 1, 0.9):
            seen.append((images + EPS * size * (2 * torch.rand(images.shape, generator=generator) - 1)).clamp(0, 1))
            model(seen[-1])
        return images

    return attack


def test_the_best_image_is_kept_though_the_attack_does_not_return_it() -> None:
    model, (images, targets) = toys.Toy(), toys.batch(4)
    seen: list[Tensor] = []
    limited = budgeted(wandering(model, seen), model, 50)
    adversarial = limited(images, targets)
    inside = [images, *(x for x in seen if float((x - images).abs().max()) <= EPS * 1.0001)]
    scores = torch.stack([score(model, x, images, targets) for x in inside])
    assert len(inside) == 5  # the clean images, and four of the five that were shown
    assert torch.equal(adversarial, torch.stack(inside)[scores.argmax(dim=0), torch.arange(4)])
    assert torch.equal(torch.stack([found.scores.mean() for found in limited.curve]).diff() >= 0, torch.ones(5) > 0)
    assert torch.allclose(limited.curve[-1].scores, scores.amax(dim=0), rtol=1e-5)


def test_batches_of_some_samples_and_of_copies_are_attributed() -> None:
    model, (images, targets) = toys.Toy(), toys.batch(4)

    def attack(images: Tensor, targets: Any) -> Tensor:
        model((images[[1, 3]] + EPS / 2).clamp(0, 1))
        copies = images.repeat_interleave(2, dim=0)
        copies[::2] = (copies[::2] - EPS).clamp(0, 1)
        model(copies)
        return images

    adversarial = budgeted(attack, model, 50)(images, targets)
    up, down = (images + EPS / 2).clamp(0, 1), (images - EPS).clamp(0, 1)
    candidates = torch.stack([images, down, torch.where(torch.tensor([0, 1, 0, 1]).view(4, 1, 1, 1) > 0, up, images)])
    scores = torch.stack([score(model, x, images, targets) for x in candidates])
    assert torch.equal(adversarial, candidates[scores.argmax(dim=0), torch.arange(4)])


class OneHead(nn.Module):
    """The toy's classes alone, for torchattacks' own attacks; it calls the toy, at which passes are counted."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.model(x)["classes"]
        return output


def test_an_attack_of_torchattacks_itself() -> None:
    model, (images, targets) = toys.Toy(), toys.batch(4)
    host = torchattacks.PGD(OneHead(model), eps=EPS, steps=50)
    tasks = toys.tasks().only(["classes"])
    limited = Budgeted(lambda x, t: host(x, t["classes"]), model, tasks, passes=20, eps=EPS)
    model.train()
    adversarial = limited(images, targets)
    assert limited.stopped
    assert limited.counted.forward + limited.counted.backward == 20
    assert model.training
    clean, attacked = (
        nn.functional.cross_entropy(model.eval()(x)["classes"], targets["classes"]) for x in (images, adversarial)
    )
    assert attacked > clean


def test_hooks_are_gone_and_errors_come_through() -> None:
    model, (images, targets) = toys.Toy(), toys.batch(2)

    def broken(images: Tensor, targets: Any) -> Tensor:
        model(images)
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        budgeted(broken, model, 9)(images, targets)
    assert not model._forward_hooks
    assert not model._forward_pre_hooks


def test_bad_arguments() -> None:
    model = toys.Toy()
    with pytest.raises(ValueError, match="passes: expected a number >= 2, or None, found 1"):
        budgeted(None, model, 1)
    with pytest.raises(ValueError, match="norm: expected one of 'Linf'"):
        budgeted(None, model, 9, norm="L7")
