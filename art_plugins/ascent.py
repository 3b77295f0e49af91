"""The loop of FGM, PGD and MIM on the device, and what it asks of the objective at each iterate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mt_torchattacks.attacks.best import finite_scores
from mt_torchattacks.geometry.ball import Ball, length, steepest
from mt_torchattacks.objective import BoundObjective

Watcher = Callable[[int, Tensor, Tensor], None]
"""Called with the number of the evaluation, the iterate and its direction."""


class ArtBall(Ball):
    """A norm ball with ART's projection: for a finite norm it clips first and scales then, to the ball.

    The order matters where the clip values bind; ART's own FGM and PGD give the same images with it.
    """

    def project(self, x: Tensor) -> Tensor:
        """An image in the ball and within the clip values."""
        if self.norm == math.inf:
            return super().project(x)
        delta = self.clipped(x) - self.images
        return self.images + delta * (self.eps / length(delta, self.norm).clamp_min(1e-30)).clamp(max=1)


@dataclass
class Ascent:
    """The objective of one batch, at any iterate: called with `x`, it returns score `(N,)` and direction `(N, ...)`.

    :param bound: The objective.
    :param ball: Where iterates may be; the direction is 0 where the mask is.
    :param watcher: Is told of each evaluation, or None.
    """

    bound: BoundObjective
    ball: Ball
    watcher: Watcher | None = None
    evaluations: int = field(default=0, init=False)

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        score = self.bound(x)
        direction = self.ball.masked(torch.autograd.grad(score.sum(), x)[0])
        if self.watcher is not None:
            self.watcher(self.evaluations, x.detach(), direction)
        self.evaluations += 1
        return score.detach(), direction

    @torch.no_grad()
    def score(self, x: Tensor) -> Tensor:
        """The score alone."""
        return finite_scores(self.bound.scores(x))


def pgd(ascent: Ascent, start: Tensor, steps: int, step_size: float | Tensor, decay: float | None) -> Tensor:
    """The last iterate of projected gradient ascent, as ART's `ProjectedGradientDescent` takes its steps.

    :param ascent: What to ascend.
    :param start: The first iterate.
    :param steps: Number of steps.
    :param step_size: Length of a step in the ball's norm.
    :param decay: Decay factor of the momentum (https://arxiv.org/abs/1710.06081, algorithm 1); None for no momentum.
    """
    ball, x, momentum = ascent.ball, start, torch.zeros_like(start)
    for _ in range(steps):
        _, direction = ascent(x)
        if decay is not None:
            direction = momentum = decay * momentum + direction / length(direction, 1).clamp_min(1e-30)
        x = ball.project(x + step_size * steepest(direction, ball.norm))
    return x
