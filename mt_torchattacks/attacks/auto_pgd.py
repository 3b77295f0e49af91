"""The loop of Auto-PGD, for any host: what it ascends, how it steps and where it stays are functions given to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_MOMENTUM = 0.75


def auto_pgd(
    start: Tensor,
    evaluate: Callable[[Tensor], tuple[Tensor, Tensor]],
    step: Callable[[Tensor, Tensor], Tensor],
    project: Callable[[Tensor], Tensor],
    *,
    steps: int,
    step_size: float,
    rho: float = 0.75,
) -> tuple[Tensor, Tensor]:
    """One run of Auto-PGD ([C] algorithm 1; [D] algorithm 1 with the DGBA rule) from a start.

    Args:
        start: ``(N, C, H, W)`` first iterate, where ``project`` lets it be.
        evaluate: iterate ``(N, C, H, W)`` -> score ``(N,)`` and direction ``(N, C, H, W)``, both detached.
        step: direction and step sizes ``(N, 1, 1, 1)`` -> displacement ``(N, C, H, W)``.
        project: any point -> the nearest that is allowed.
        steps: number of steps >= 1.
        step_size: the first step size.
        rho: share of the steps between two checkpoints that must raise the score, or the step size is halved.

    Returns:
        each sample's best iterate ``(N, C, H, W)``, the start among them, and its score ``(N,)``.

    Example:
        >>> start = torch.zeros(1, 1, 1, 1)
        >>> evaluate = lambda x: (-(x - 0.3).square().flatten(), -2 * (x - 0.3))
        >>> best, _ = auto_pgd(start, evaluate, lambda g, size: size * g.sign(), lambda x: x, steps=30, step_size=0.5)
        >>> abs(float(best) - 0.3) < 0.02
        True
    """
    x, previous = start, start
    score, gradient = evaluate(x)
    best = _Best(x, score, gradient)
    checkpoint = _Checkpoint(steps, rho, score)
    sizes = start.new_full((len(start), 1, 1, 1), step_size)
    for i in range(steps):
        moved = project(x + step(gradient, sizes))
        pull = _MOMENTUM if i > 0 else 1.0
        moved = project(x + (moved - x) * pull + (x - previous) * (1 - pull))
        previous, x = x, moved
        last, (score, gradient) = score, evaluate(x)
        best.update(x, score, gradient)
        # The hosts compare the first iterate with 0, not with the start: for a loss > 0, always a rise.
        rose = score > last if i > 0 else torch.ones_like(score, dtype=torch.bool)
        if (halve := checkpoint.after_step(rose, best.score)) is not None:
            sizes = torch.where(halve.reshape(-1, 1, 1, 1), sizes / 2.0, sizes)
            x, gradient = where(halve, best.x, x), where(halve, best.gradient, gradient)
    return best.x, best.score


def where(samples: Tensor, x: Tensor, otherwise: Tensor) -> Tensor:
    """``x`` for the samples ``(N,)`` that are true, ``otherwise`` for the others; both ``(N, C, H, W)``."""
    return torch.where(samples.reshape(-1, 1, 1, 1), x, otherwise)


@dataclass
class _Best:
    """Each sample's best iterate so far, with its score and gradient."""

    x: Tensor
    score: Tensor
    gradient: Tensor

    def update(self, x: Tensor, score: Tensor, gradient: Tensor) -> None:
        better = score > self.score
        self.x = where(better, x, self.x)
        self.gradient = where(better, gradient, self.gradient)
        self.score = torch.where(better, score, self.score)


class _Checkpoint:
    """When and for which samples the step size is halved (Croce & Hein, section 3.2, conditions 1 and 2)."""

    def __init__(self, steps: int, rho: float, score: Tensor) -> None:
        self.window = max(int(0.22 * steps), 1)
        self.shortest = max(int(0.06 * steps), 1)
        self.shrink = max(int(0.03 * steps), 1)
        self.rho = rho
        self.taken = 0
        self.rises = torch.zeros_like(score)
        self.best_before = score
        self.halved_before = torch.ones_like(score, dtype=torch.bool)

    def after_step(self, rose: Tensor, best: Tensor) -> Tensor | None:
        """Count a step; at a checkpoint, the samples ``(N,)`` whose step size is to be halved, otherwise None."""
        self.taken += 1
        self.rises = self.rises + rose
        if self.taken < self.window:
            return None
        oscillates = self.rises <= math.floor(self.window * self.rho)
        stands_still = ~self.halved_before & (self.best_before >= best)
        halve = oscillates | stands_still
        self.halved_before, self.best_before = halve, best
        self.taken, self.rises = 0, torch.zeros_like(self.rises)
        self.window = max(self.window - self.shrink, self.shortest)
        return halve
