"""The loop of Auto-PGD, for any host: it is told what to ascend and where to stay."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mt_torchattacks.attacks.best import BestOf, finite_scores
from mt_torchattacks.attacks.checkpoints import CHECKPOINTS, Checkpoint
from mt_torchattacks.geometry.ball import Ball, along
from mt_torchattacks.geometry.l1 import largest_signs
from mt_torchattacks.geometry.shape import dims, spread, where

_MOMENTUM = 0.75


def auto_pgd(
    start: Tensor,
    evaluate: Callable[[Tensor], tuple[Tensor, Tensor]],
    ball: Ball,
    *,
    steps: int,
    step_size: float | Tensor,
    rho: float = 0.75,
    checkpoints: str = "autoattack",
    conjugate: bool = False,
) -> tuple[Tensor, Tensor]:
    """One run of Auto-PGD ([C] algorithm 1; [D] algorithm 1 with the DGBA rule; for L1 :class:`SparseSteps`).

    Args:
        start: ``(N, ...)`` first iterate, in the ball.
        evaluate: iterate ``(N, ...)`` -> score ``(N,)`` and direction ``(N, ...)``, both detached.
        ball: where iterates may be; its norm is that of the steps.
        steps: number of steps >= 1.
        step_size: the first step size; a tensor that broadcasts to the images for one a channel.
        rho: share of the steps between two checkpoints that must raise the score, or the step size is halved.
        checkpoints: ``"autoattack"`` or ``"paper"``; see :mod:`mt_torchattacks.attacks.checkpoints`.
        conjugate: take :class:`ConjugateSteps` in place of momentum; without effect for L1.

    Returns:
        Each sample's best iterate ``(N, ...)``, the start among them, and its score ``(N,)``.

    Example:
        >>> ball = Ball(torch.zeros(1, 1, 1, 1), eps=1.0, norm=float("inf"))
        >>> evaluate = lambda x: (-(x - 0.3).square().flatten(), -2 * (x - 0.3))
        >>> best, _ = auto_pgd(ball.images, evaluate, ball, steps=30, step_size=0.5)
        >>> abs(float(best) - 0.3) < 0.02
        True
    """
    x = start
    score, gradient = _finite(*evaluate(x))
    best = BestOf(x, score, gradient)
    walk: SparseSteps | HalvedSteps
    if ball.norm == 1:
        walk = SparseSteps(ball, best, steps, step_size)
    else:
        halved = ConjugateSteps if conjugate else HalvedSteps
        walk = halved(ball, best, step_size, CHECKPOINTS[checkpoints](steps, rho, score))
    literal = checkpoints == "paper"
    for i in range(steps):
        x = walk.step(x, gradient)
        last, (score, gradient) = score, _finite(*evaluate(x))
        best.add(x, score, gradient)
        rose = score > last
        if i == 0 and not literal:
            rose = torch.ones_like(rose)  # it compares the first iterate with 0, not with the start: always a rise
        if (back := walk.after_step(rose, best)) is not None:
            x, gradient = where(back, best.images, x), where(back, _gradient(best), gradient)
            score = torch.where(back, best.scores, score) if literal else score
    if ball.norm == 1:  # the best point of the ball for the loss linearised at the best iterate: a last candidate
        corner = ball.best_for(_gradient(best))
        best.add(corner, *_finite(*evaluate(corner)))
    return best.images, best.scores


def _gradient(best: BestOf) -> Tensor:
    assert best.gradient is not None
    return best.gradient


def _finite(score: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """NaN as the lowest score, and as no gradient: one bad iterate must not end a sample's attack."""
    return finite_scores(score), gradient.nan_to_num()


class HalvedSteps:
    """Steps with momentum whose sizes are halved at checkpoints ([C] algorithm 1), for Linf and L2."""

    def __init__(self, ball: Ball, start: BestOf, step_size: float | Tensor, checkpoint: Checkpoint) -> None:
        self.ball = ball
        self.sizes = spread(torch.ones_like(start.images.flatten(1)[:, 0]), start.images) * step_size
        self.previous, self.pull = start.images, 1.0
        self.checkpoint = checkpoint

    def step(self, x: Tensor, gradient: Tensor) -> Tensor:
        """The next iterate."""
        ball, pull = self.ball, self.pull
        moved = ball.project(x + along(gradient, self.sizes, ball.norm))
        moved = ball.project(x + (moved - x) * pull + (x - self.previous) * (1 - pull))
        self.previous, self.pull = x, _MOMENTUM
        return moved

    def after_step(self, rose: Tensor, best: BestOf) -> Tensor | None:
        """At a checkpoint the samples ``(N,)`` that go back to their best iterate, otherwise None."""
        halve = self.checkpoint.after_step(rose, best.scores)
        if halve is not None:
            self.sizes = where(halve, self.sizes / 2.0, self.sizes)
        return halve


class ConjugateSteps(HalvedSteps):
    """Steps along conjugate directions whose sizes are halved at checkpoints, for Linf and L2.

    The direction is ``s = g + beta s'`` for the gradient ``g`` and the direction ``s'`` before, with the ``beta`` of
    Hestenes and Stiefel: that for which ``s`` is orthogonal to the last change of the gradient. It is kept in [0, 1].
    Samples that go back to their best iterate begin anew with its gradient.
    """

    def __init__(self, ball: Ball, start: BestOf, step_size: float | Tensor, checkpoint: Checkpoint) -> None:
        super().__init__(ball, start, step_size, checkpoint)
        self.direction = self.gradient = torch.zeros_like(start.images)

    def step(self, x: Tensor, gradient: Tensor) -> Tensor:
        """The next iterate."""
        self.direction = gradient + spread(self._beta(gradient), gradient) * self.direction
        self.gradient = gradient
        return self.ball.project(x + along(self.direction, self.sizes, self.ball.norm))

    def _beta(self, gradient: Tensor) -> Tensor:
        """How much of the direction before is kept, ``(N,)``; 0 where that is not defined."""
        size = torch.maximum(gradient.abs(), self.gradient.abs()).amax(dim=dims(gradient), keepdim=True)
        size = torch.where(size > 0, size, 1)  # squares of gradients that are small must not vanish
        change = ((self.gradient - gradient) / size).flatten(1)
        across = -(gradient / size).flatten(1) * change
        along_it = (self.direction / size).flatten(1) * change
        return self.limited((across.sum(dim=1) / along_it.sum(dim=1)).nan_to_num(0.0, 0.0, 0.0))

    def limited(self, beta: Tensor) -> Tensor:
        """``beta (N,)`` within the limits that were the strongest (``benchmarks/conjugate.py``)."""
        return beta.clamp(0, 1)

    def after_step(self, rose: Tensor, best: BestOf) -> Tensor | None:
        """At a checkpoint the samples ``(N,)`` that go back to their best iterate, otherwise None."""
        halve = super().after_step(rose, best)
        if halve is not None:
            self.direction = where(halve, torch.zeros_like(self.direction), self.direction)
        return halve


class SparseSteps:
    """Steps along a few pixels, for L1: l1-APGD (Croce & Hein, ICML 2021, section 3 and algorithm 1).

    A step goes along the signs of the gradient's largest elements; how many these are follows from how many pixels of
    the best iterate have changed. At a checkpoint a sample whose best iterate has become sparser goes back to it, with
    the first step size; for the others the step size shrinks, down to a tenth.
    """

    _FIRST_SHARE = 0.2  # of the pixels, in the first steps
    _WINDOW = 0.04  # of the steps, between two checkpoints
    _SPARSER = 0.95  # share of the changed pixels that must be left
    _SHRINK = 1.5  # of the step size, and from changed pixels to those of a step

    def __init__(self, ball: Ball, start: BestOf, steps: int, step_size: float | Tensor) -> None:
        pixels = start.images[0].numel()
        self.ball = ball
        self.first = self.sizes = spread(torch.ones_like(start.images.flatten(1)[:, 0]), start.images) * step_size
        self.count = torch.full_like(start.scores, self._FIRST_SHARE * pixels)
        self.changed = torch.full_like(start.scores, pixels)
        self.window, self.taken = max(int(self._WINDOW * steps), 1), 0

    def step(self, x: Tensor, gradient: Tensor) -> Tensor:
        """The next iterate."""
        return self.ball.project(x + self.sizes * largest_signs(gradient, self.count))

    def after_step(self, rose: Tensor, best: BestOf) -> Tensor | None:
        """At a checkpoint the samples ``(N,)`` that go back to their best iterate, otherwise None."""
        self.taken += 1
        if self.taken % self.window:
            return None
        changed = (best.images != self.ball.images).flatten(1).sum(dim=1).to(self.changed)
        sparser = changed < self._SPARSER * self.changed
        smaller = torch.maximum(self.sizes / self._SHRINK, self.first / 10)
        self.sizes = where(sparser, self.first, smaller)
        self.count = torch.where(changed > 0, changed / self._SHRINK, self.count).clamp_min(1)
        self.changed = changed
        return sparser
