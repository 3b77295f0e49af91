"""Tasks preserved within a budget: the best direction among those that, to first order, keep their losses there.

A host of the infinity norm steps along the sign of its direction, one of L2 along the direction itself. For the step
``s`` of length at most 1 that raises the attacked tasks most (gradient ``a``) while each preserved task's relative loss
(gradient ``g_j``) changes by at most ``c_j``::

    maximize a . s   subject to   g_j . s <= c_j,  ||s|| <= 1

duality says that ``s`` is the host's step along ``d = a - sum_j lambda_j g_j`` with multipliers ``lambda_j >= 0``, the
smallest that keep the constraints. A Euclidean projection, as PCGrad makes, keeps nothing once a host has taken
the sign. All quantities are per sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mt_torchattacks.balancing.base import safe_divide
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.tasks import Task

STRIDE = 0.5
"""A host's step is taken to be this share of the radius long. On longer steps the losses bend: what holds to first
order, which is all that a direction knows, no longer says where they end."""

_AIM = 0.5
"""Directions aim at this share of a budget. The rest is left to the losses' curvature, which raises them further."""

_HURRY = 20.0
"""How fast a loss above the aim is brought back: a step as long as the radius is asked to undo this many times the
excess, so that a short step undoes all of it."""

_QUIET = 0.4
"""This share of the pixels stays where it is: those that the direction hardly depends on. The infinity norm would move
them a full step for almost no gain, and that step bends the preserved losses as much as any other."""

_ROUNDS = 2
"""How often the multipliers of several preserved tasks are found in turn, each with the others held fixed."""

_MOST = 0.998
"""A step can be asked to go down along a gradient by at most this share of the gradient's length."""

_TOLERANCE = 1e-5
"""A relative loss may exceed its budget by this much, which is rounding."""

_INFEASIBLE = -1e9
"""Scores of iterates outside of a budget start here, below those of all within."""


@dataclass(frozen=True)
class Budgets:
    """How much the losses of the tasks that are preserved within a budget may rise, and how directions keep to it.

    Args:
        allowed: ``(K,)`` allowed relative increases, one a task.
        norm: of the host's ball: infinity for steps along the direction's sign, any other for the direction itself.
        radius: of that ball, in that norm.

    Example:
        >>> budgets = Budgets(torch.tensor([0.1]), norm=math.inf, radius=0.1)
        >>> attack, preserved = torch.tensor([[2.0, 1.0]]), torch.tensor([[[1.0, -1.0]]])
        >>> budgets.direction(attack, preserved, torch.tensor([[0.0]])).sign()
        tensor([[1., 1.]])
        >>> budgets.score(torch.tensor([3.0, 3.0]), torch.tensor([[0.1], [0.2]]))
        tensor([ 3.0000e+00, -1.1000e+09])
    """

    allowed: Tensor
    norm: float
    radius: float

    @classmethod
    def of(cls, tasks: Sequence[Task], ball: Ball) -> Budgets | None:
        """The budgets of tasks for an attack in a ball; None if there is no task."""
        allowed = [task.budget or 0.0 for task in tasks]
        return cls(torch.tensor(allowed, device=ball.images.device), ball.norm, ball.radius) if allowed else None

    def score(self, score: Tensor, increases: Tensor) -> Tensor:
        """The score ``(N,)`` where all is within the budgets, elsewhere less, the less the larger the excess.

        Args:
            score: ``(N,)`` of the attacked tasks.
            increases: ``(N, K)`` relative loss increases of the preserved ones.
        """
        return torch.where(self.keeps(increases), score, _INFEASIBLE * (1 + self._excess(increases).clamp_min(0)))

    def keeps(self, increases: Tensor) -> Tensor:
        """The samples ``(N,)``, boolean, whose relative loss increases ``(N, K)`` are all within the budgets."""
        return self._excess(increases) <= _TOLERANCE

    def _excess(self, increases: Tensor) -> Tensor:
        return (increases - self.allowed).amax(dim=1)

    def direction(self, attack: Tensor, preserved: Tensor, increases: Tensor) -> Tensor:
        """The attack direction ``(N, ...)`` whose step keeps, or brings back, the losses within the budgets.

        Args:
            attack: ``(N, ...)`` direction of the attacked tasks.
            preserved: ``(N, K, ...)`` gradients of the relative increases.
            increases: ``(N, K)`` relative loss increases.
        """
        flat, others, room = attack.flatten(1), preserved.flatten(2), self._room(increases)
        found = combined(flat, others, multipliers(flat, others, room, self.norm))
        quiet = int(_QUIET * flat.shape[1]) if self.norm == math.inf else 0
        if quiet:
            loud = found.abs() > found.abs().kthvalue(quiet, dim=1, keepdim=True).values
            flat, others = flat * loud, others * loud.unsqueeze(1)
            found = combined(flat, others, multipliers(flat, others, room, self.norm))
        return found.reshape(attack.shape)

    def _room(self, increases: Tensor) -> Tensor:
        """What a step of length 1 may change each relative loss by, ``(N, K)``.

        Below the aim a stride may use up what is left; above it a shorter step has to bring the loss back.
        """
        left = _AIM * self.allowed - increases
        return torch.where(left > 0, left / STRIDE, _HURRY * left) / self.radius


def multipliers(attack: Tensor, preserved: Tensor, room: Tensor, norm: float) -> Tensor:
    """The smallest ``lambda >= 0``, ``(N, K)``, with which a step of length 1 keeps every ``g_j . s <= c_j``.

    Where no step does, the step lowers the loss about as far as it can.

    Args:
        attack: ``(N, P)``.
        preserved: ``(N, K, P)`` gradients ``g_j``.
        room: ``(N, K)`` limits ``c_j``.
        norm: infinity, or any other for L2.
    """
    solve = _linf if norm == math.inf else _l2
    count = preserved.shape[1]
    weights = attack.new_zeros(len(attack), count)
    for _ in range(_ROUNDS if count > 1 else 1):
        for j in range(count):
            weights[:, j] = 0
            weights[:, j] = solve(combined(attack, preserved, weights), preserved[:, j], room[:, j])
    return weights


def combined(attack: Tensor, preserved: Tensor, weights: Tensor) -> Tensor:
    """``a - sum_j lambda_j g_j``: ``(N, P), (N, K, P), (N, K) -> (N, P)``."""
    return attack - (weights.unsqueeze(1) @ preserved).squeeze(1)


def _linf(attack: Tensor, gradient: Tensor, room: Tensor) -> Tensor:
    """One multiplier for steps along the sign: a weighted quantile.

    Pixel i counts ``|g_i|`` against the constraint while lambda is below ``a_i / g_i``, and for it above, so the change
    ``g . sign(a - lambda g)`` falls by ``2 |g_i|`` there.
    """
    turns, order = safe_divide(attack, gradient).sort(dim=1)
    weights = gradient.abs().gather(1, order)
    length = weights.sum(dim=1)
    change = length.unsqueeze(1) - 2 * weights.cumsum(dim=1)  # just above each turn
    limit = torch.maximum(room, -_MOST * length)
    first = (change > limit.unsqueeze(1)).sum(dim=1, keepdim=True).clamp(max=turns.shape[1] - 1)
    low = turns.gather(1, first)
    after = torch.cat([turns, 2 * turns[:, -1:] + 1], dim=1)  # the next turn, not one at the same place
    high = after.gather(1, torch.searchsorted(turns, low, right=True))
    needed = (room < length) & (low.squeeze(1) >= 0)
    return torch.where(needed, ((low + high) / 2).squeeze(1), 0)


def _l2(attack: Tensor, gradient: Tensor, room: Tensor) -> Tensor:
    """One multiplier for steps along the direction itself, in closed form: the angle to the gradient is given."""
    length = gradient.norm(dim=1)
    along = safe_divide((attack * gradient).sum(dim=1), length)
    across = (attack.square().sum(dim=1) - along.square()).clamp_min(0).sqrt()
    cosine = safe_divide(room, length).clamp(-_MOST, 1)
    needed = along > cosine * attack.norm(dim=1)
    allowed = safe_divide(cosine * across, (1 - cosine.square()).sqrt())
    return torch.where(needed, safe_divide(along - allowed, length), 0)
