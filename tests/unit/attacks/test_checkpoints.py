"""When Auto-PGD halves its steps: AutoAttack's way and the papers', each against a slow reading of its source."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.attacks.auto_pgd import auto_pgd
from mt_torchattacks.attacks.checkpoints import Checkpoint, PaperCheckpoint
from tests import toys

EPS = 8 / 255


def papers_apgd(objective, gradient, x0: Tensor, steps: int, eta: float, rho: float, project) -> tuple[Tensor, float]:
    """Algorithm 1 of Croce & Hein for one sample, line by line."""
    p = [0.0, 0.22]
    while p[-1] + max(p[-1] - p[-2] - 0.03, 0.06) <= 1 + 1e-9:
        p.append(p[-1] + max(p[-1] - p[-2] - 0.03, 0.06))
    places = [math.ceil(round(share * steps, 9)) for share in p]
    x = [x0, project(x0 + eta * gradient(x0).sign())]
    f = [objective(x0), objective(x[1])]
    best = max(f)
    x_best = x[f.index(best)]
    eta_then, best_then, last = eta, f[0], 0
    for k in range(1, steps + 1):
        if k in places[1:]:
            rises = sum(f[i + 1] > f[i] for i in range(last, k))
            first, second = rises < rho * (k - last), eta_then == eta and best_then == best
            eta_then, best_then, last = eta, best, k
            if first or second:
                eta = eta / 2
                x[k], f[k] = x_best, best
        if k == steps:
            break
        z = project(x[k] + eta * gradient(x[k]).sign())
        x.append(project(x[k] + 0.75 * (z - x[k]) + 0.25 * (x[k] - x[k - 1])))
        f.append(objective(x[-1]))
        if f[-1] > best:
            best, x_best = f[-1], x[-1]
    return x_best, best


@pytest.mark.parametrize("steps", [1, 5, 10, 20, 40])
@pytest.mark.parametrize("seed", range(4))
def test_the_papers_way_is_its_algorithm(steps: int, seed: int) -> None:
    """On a function with many local optima, in float64."""
    g = torch.Generator().manual_seed(seed)
    frequencies, phases = torch.rand(3, 12, generator=g).double() * 40, torch.rand(3, generator=g).double() * 6
    images = torch.rand(1, 12, generator=g).double()
    ball = toys.ball(images, 0.3)

    def value(x: Tensor) -> Tensor:
        return torch.sin(x @ frequencies.T + phases).sum(dim=1)

    def evaluate(x: Tensor) -> tuple[Tensor, Tensor]:
        point = x.detach().requires_grad_()
        score = value(point)
        return score.detach(), torch.autograd.grad(score.sum(), point)[0]

    found, score = auto_pgd(images, evaluate, ball, steps=steps, step_size=0.6, checkpoints="paper")
    expected, best = papers_apgd(lambda x: float(value(x)), lambda x: evaluate(x)[1], images, steps, 0.6, 0.75,
                                 ball.project)  # fmt: skip
    assert float(score) == pytest.approx(best, abs=1e-9)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("steps", "code", "text"), [
    (10, [2, 3, 4, 5, 6, 7, 8, 9, 10], [3, 5, 6, 7, 8, 9, 10]),
    (20, [4, 7, 10, 12, 13, 14, 15, 16, 17, 18, 19, 20], [5, 9, 12, 14, 16, 18, 19, 20]),
    (100, [22, 41, 57, 70, 80, 87, 93, 99], [22, 41, 57, 70, 80, 87, 93, 99]),
])  # fmt: skip
def test_places(steps: int, code: list[int], text: list[int]) -> None:
    assert PaperCheckpoint.places(steps) == text
    if steps != 20:
        assert Checkpoint.places(steps) == code


def test_condition_1_at_exactly_three_quarters() -> None:
    score, three_of_four = torch.zeros(1), torch.tensor([3.0])
    assert bool(Checkpoint(100, 0.75, score).oscillates(three_of_four, 4))
    assert not bool(PaperCheckpoint(100, 0.75, score).oscillates(three_of_four, 4))


def test_the_argument() -> None:
    model, (images, targets) = toys.Toy(), toys.batch()
    made = {way: mta.APGD(model, toys.tasks(), steps=20, checkpoints=way) for way in ("autoattack", "paper")}
    found = {way: attack(images, targets) for way, attack in made.items()}
    assert torch.equal(found["autoattack"], mta.APGD(model, toys.tasks(), steps=20)(images, targets))
    assert not torch.equal(found["autoattack"], found["paper"])
    with pytest.raises(ValueError, match="checkpoints: expected one of 'autoattack', 'paper', found 'mine'"):
        mta.APGD(model, toys.tasks(), checkpoints="mine")
