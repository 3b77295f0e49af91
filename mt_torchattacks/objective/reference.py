"""What relative loss increases refer to: the clean losses, or the losses under noise where those are as good as 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.geometry.shape import where
from mt_torchattacks.tasks import Task

_FLOOR = 1e-3  # a clean loss of at most this may be as good as 0 ...
_SHARE_OF_NOISE = 1e-2  # ... and is if it is at most this share of the loss under noise
_NOISE_SEED = 0
_LEAST = 0.01  # of a loss that has a logarithm


@dataclass(frozen=True)
class Reference:
    """What the losses of a batch are compared with, and where an attack on it starts.

    Attributes:
        losses: ``(N, T)`` signed losses that relative increases refer to.
        shift: ``(N, T)`` what is added to a loss before its increase is taken: 0, or for a loss that counts as more
            than it is on the clean input, by how much.
        start: ``(N, ...)`` the clean inputs, noisy ones for the samples that have no gradient at theirs; None if all
            samples have one.
    """

    losses: Tensor
    shift: Tensor
    start: Tensor | None = None

    def part(self, keep: Tensor) -> Reference:
        """The same for the samples ``keep`` alone, a boolean ``(N,)``."""
        return Reference(self.losses[keep], self.shift[keep], None if self.start is None else self.start[keep])


def refer(
    clean: Tensor,
    tasks: Sequence[Task],
    attacked: Tensor,
    ball: Ball,
    losses_at: Callable[[Tensor], Tensor],
    *,
    least: Tensor,
    relative: bool,
) -> Reference:
    """The losses that increases refer to, and the start of the samples that have no gradient at their clean input.

    Args:
        clean: ``(N, T)`` signed losses at the clean inputs, as scores see them.
        tasks: the T tasks; see ``floor`` of :class:`~mt_torchattacks.Task`.
        attacked: ``(T,)`` boolean, False for tasks that are preserved within a budget.
        ball: around the clean inputs; the noise is as large as it.
        losses_at: gives the signed losses ``(N, T)`` at inputs; called only where it matters, once.
        least: ``(T,)`` what a reference is at least, in the losses' unit; 0 for no bound.
        relative: whether the balancing rule divides by clean losses.

    Example:
        >>> import mt_torchattacks as mta
        >>> tasks, clean = [mta.Task(mta.losses.L1())] * 2, torch.tensor([[0.0, 2.0]])
        >>> ball, losses_at = Ball(torch.zeros(1, 1), 0.1, float("inf")), lambda noisy: torch.tensor([[0.5, 2.5]])
        >>> both, none = torch.tensor([True, True]), torch.zeros(2)
        >>> found = refer(clean, tasks, both, ball, losses_at, least=none, relative=True)
        >>> found.losses, bool((found.start == ball.images).all())
        (tensor([[0.5000, 2.0000]]), False)
    """
    device = clean.device
    flat = torch.tensor([getattr(task.loss, "flat_at_zero", True) for task in tasks], device=device)
    automatic = torch.tensor([task.floor is None for task in tasks], device=device)
    floors = clean.new_tensor([_FLOOR if task.floor is None else task.floor for task in tasks])
    small = (clean.abs() <= floors) & (flat | ~attacked | relative)
    if not small.any():
        return bounded(clean, least, tasks)
    noisy = noisy_inputs(ball)
    noise = losses_at(noisy)
    zero = small & (~automatic | (clean.abs() <= _SHARE_OF_NOISE * noise.abs()))
    moved = (zero & flat & attacked & (noise != 0)).any(dim=1)
    start = where(moved, noisy, ball.images) if moved.any() else None
    return bounded(torch.where(zero, noise, clean), least, tasks, start)


def bounded(losses: Tensor, least: Tensor, tasks: Sequence[Task], start: Tensor | None = None) -> Reference:
    """A reference of signed losses ``(N, T)`` that count as at least ``least``, where that is not 0."""
    signs = losses.new_tensor([float(task.sign) for task in tasks])
    counted = torch.where((least > 0) & (losses.abs() < least), signs * least, losses)
    return Reference(counted, counted - losses, start)


def least_reference(task: Task, target: Tensor) -> float:
    """What a task's clean loss counts as at least where increases are relative to it; 0 for no bound.

    A classifier's loss may be as small as 1e-20, and relative to that any other task would count for nothing. So a loss
    that has a logarithm counts as at least 0.01, and the cross-entropy of a single label as log 2, which it has where
    two classes are equally likely: from there on a further confident sample is no easier and no harder to turn. Tasks
    with a budget, and those with a floor of their own, are taken as they are.

    Args:
        task: the task.
        target: its targets ``(N, ...)``.
    """
    if task.budget is not None or task.floor is not None or not getattr(task.loss, "has_log", False):
        return 0.0
    return math.log(2) if target.ndim == 1 and not target.is_floating_point() else _LEAST


def noisy_inputs(ball: Ball) -> Tensor:
    """The clean inputs ``(N, ...)`` under uniform noise as large as the ball, the same noise for every sample."""
    generator = torch.Generator().manual_seed(_NOISE_SEED)
    noise = torch.rand((1, *ball.images.shape[1:]), generator=generator).to(ball.images) * 2 - 1
    return ball.clipped(ball.images + ball.noise * noise)


def relative_rises(losses: Tensor, reference: Tensor) -> Tensor:
    """Relative loss increases ``(N, K)`` of preserved tasks from signed losses, over a floor if the reference is 0."""
    return (reference - losses) / torch.where(reference == 0, _FLOOR, reference.abs())
