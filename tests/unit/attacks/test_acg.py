"""Conjugate directions: what they are on a quadratic, the ends of beta, where they begin anew; ACG as a plain loop."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.attacks.auto_pgd import ConjugateSteps
from mt_torchattacks.attacks.best import BestOf
from mt_torchattacks.attacks.checkpoints import Checkpoint
from mt_torchattacks.geometry.ball import Ball

A = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.rand(3, 3, 6, 6, generator=GENERATOR, dtype=torch.float64)
TARGETS = {
    "depth": torch.rand(3, 1, 6, 6, generator=GENERATOR, dtype=torch.float64),
    "label": torch.tensor([0, 1, 2]),
}
TASKS = mta.Tasks(depth=mta.losses.L1(), label=mta.losses.CrossEntropy())


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.trunk, self.depth, self.label = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 1, 1), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = (3 * self.trunk(x)).tanh()
        return {"depth": self.depth(features), "label": self.label(features.mean(dim=(2, 3)))}


MODEL = Heads().double().eval().requires_grad_(False)


def steps_from(start: Tensor, size: float, checkpoint: Checkpoint | None = None) -> ConjugateSteps:
    score = torch.zeros(len(start), dtype=start.dtype)
    best = BestOf(start, score, torch.zeros_like(start))
    return ConjugateSteps(Ball(start, eps=1e6, norm=2.0), best, size, checkpoint or Checkpoint(10, 0.75, score))


def gradient(x: Tensor) -> Tensor:
    """Of ``-x A x / 2``."""
    return -x @ A


@pytest.mark.parametrize("scale", [1.0, 1e-200])
def test_on_a_quadratic_a_direction_is_conjugate_to_the_one_before(scale: float) -> None:
    """However small the gradients are; the first step goes a little beyond the highest point of its line."""
    x = torch.tensor([[1.0, -1.5]], dtype=torch.float64)
    g = gradient(x)
    highest = float(g.norm() ** 3 / (g @ A * g).sum())
    walk = steps_from(x, 1.1 * highest)
    second = walk.step(x, scale * g)
    third = walk.step(second, scale * gradient(second))
    across = ((second - x) @ A * (third - second)).sum()
    torch.testing.assert_close(across, torch.zeros_like(across), atol=1e-9, rtol=0)
    assert abs(float(((second - x) @ A * gradient(second)).sum())) > 0.1, "the gradient itself is not"


def test_beta_ends_at_0_and_at_1() -> None:
    """Two directions in space, gradients chosen so that beta is -2, 0.5 and 3."""
    x = torch.zeros(3, 2, dtype=torch.float64)
    before = torch.tensor([[1.0, 0.0]] * 3, dtype=torch.float64)
    after = torch.stack([torch.tensor([b / (1 + b), 0.0], dtype=torch.float64) for b in (-2.0, -0.5, -3.0)])
    # beta = -(g . (g' - g)) / (s' . (g' - g)) = -g_1 here, as s' = g' = (1, 0)
    walk = steps_from(x, 1.0)
    walk.step(x, before)
    walk.step(x, after)
    betas = (walk.direction - after)[:, 0]
    expected = (-after[:, 0]).clamp(0, 1)
    torch.testing.assert_close(betas, expected)
    assert expected.tolist() == [0.0, 1.0, 0.0]


def test_samples_that_go_back_begin_anew() -> None:
    """At the first checkpoint the second sample has not risen."""
    x = torch.tensor([[1.0, 0.5], [-2.0, 1.5]], dtype=torch.float64)
    walk = steps_from(x, 2.0)
    walk.step(x, gradient(x))
    assert walk.after_step(torch.tensor([True, False]), BestOf(x, torch.zeros(2), gradient(x))) is None
    beyond = 0.3 - 0.5 * x
    walk.step(beyond, gradient(beyond))
    halved = walk.after_step(torch.tensor([True, False]), BestOf(x, torch.tensor([1.0, 0.0]), gradient(x)))
    assert halved is not None
    assert halved.tolist() == [False, True]
    assert walk.direction[0].norm() > 0
    walk.step(x, gradient(x))
    assert torch.equal(walk.direction[1], gradient(x)[1])


def by_hand(image: Tensor, targets: dict[str, Tensor], eps: float, steps: int) -> Tensor:
    """One image, the direction and the score of DGBA, conjugate directions without momentum."""

    def evaluate(x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.clone().requires_grad_()
        losses = TASKS.losses(MODEL(x), targets)
        direction = torch.autograd.grad(sum(loss.log().sum() for loss in losses.values()), x)[0]
        score = sum(loss.detach() / clean[name] for name, loss in losses.items())
        return torch.as_tensor(score), direction

    clean = {name: float(loss) for name, loss in TASKS.losses(MODEL(image), targets).items()}
    x, size = image, 2 * eps
    score, g = evaluate(x)
    best_x, best_score, best_g = x, score, g
    checkpoint, direction, last_g = Checkpoint(steps, 0.75, score), torch.zeros_like(g), torch.zeros_like(g)
    for step in range(steps):
        change = last_g - g
        below = (direction * change).sum()
        beta = float(-(g * change).sum() / below) if below != 0 else 0.0
        direction, last_g = g + min(max(beta, 0.0), 1.0) * direction, g
        x = (x + size * direction.sign()).clamp(image - eps, image + eps).clamp(0, 1)
        last, (score, g) = score, evaluate(x)
        if score > best_score:
            best_x, best_score, best_g = x, score, g
        halve = checkpoint.after_step((score > last) | (step == 0), best_score)
        if halve is not None and bool(halve):
            size, x, g, direction = size / 2, best_x, best_g, torch.zeros_like(g)
    return best_x


@pytest.mark.parametrize("steps", [1, 3, 25])
def test_against_a_plain_loop(steps: int) -> None:
    attack = mta.ACG(MODEL, TASKS, eps=0.06, steps=steps, random_start=False)
    found = attack(IMAGES, TARGETS)
    for i in range(3):
        targets = {name: target[i : i + 1] for name, target in TARGETS.items()}
        expected = by_hand(IMAGES[i : i + 1], targets, 0.06, steps)
        torch.testing.assert_close(found[i : i + 1], expected, atol=1e-12, rtol=0)


def test_it_is_not_apgd_and_takes_as_many_passes() -> None:
    counts = []
    results = []
    for cls in (mta.ACG, mta.APGD):
        with mta.evaluation.count_passes(MODEL) as passes:
            results.append(cls(MODEL, TASKS, eps=0.06, steps=12, seed=1)(IMAGES, TARGETS))
        counts.append(passes.of_samples)
    assert counts[0] == counts[1]
    assert not torch.equal(*results)


def test_it_has_no_l1() -> None:
    with pytest.raises(ValueError, match="norm: expected one of 'Linf', 'L2', found 'L1'"):
        mta.ACG(MODEL, TASKS, norm="L1")
