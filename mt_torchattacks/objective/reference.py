"""What relative loss increases refer to: the clean losses, or the losses under noise where those are as good as 0."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Reference:
    """What the losses of a batch are compared with, and where an attack on it starts.

    Attributes:
        losses: ``(N, T)`` signed losses that relative increases refer to.
        start: ``(N, ...)`` the clean inputs, noisy ones for the samples that have no gradient at theirs; None if all
            samples have one.
    """

    losses: Tensor
    start: Tensor | None = None

    def part(self, keep: Tensor) -> Reference:
        """The same for the samples ``keep`` alone, a boolean ``(N,)``."""
        return Reference(self.losses[keep], None if self.start is None else self.start[keep])


def refer(
    clean: Tensor,
    tasks: Sequence[Task],
    attacked: Tensor,
    ball: Ball,
    losses_at: Callable[[Tensor], Tensor],
    *,
    relative: bool,
) -> Reference:
    """The losses that increases refer to, and the start of the samples that have no gradient at their clean input.

    Args:
        clean: ``(N, T)`` signed losses at the clean inputs.
        tasks: the T tasks; see ``floor`` of :class:`~mt_torchattacks.Task`.
        attacked: ``(T,)`` boolean, False for tasks that are preserved within a budget.
        ball: around the clean inputs; the noise is as large as it.
        losses_at: gives the signed losses ``(N, T)`` at inputs; called only where it matters, once.
        relative: whether the balancing rule divides by clean losses.

    Example:
        >>> import mt_torchattacks as mta
        >>> tasks, clean = [mta.Task(mta.losses.L1())] * 2, torch.tensor([[0.0, 2.0]])
        >>> ball, losses_at = Ball(torch.zeros(1, 1), 0.1, float("inf")), lambda noisy: torch.tensor([[0.5, 2.5]])
        >>> found = refer(clean, tasks, torch.tensor([True, True]), ball, losses_at, relative=True)
        >>> found.losses, bool((found.start == ball.images).all())
        (tensor([[0.5000, 2.0000]]), False)
    """
    device = clean.device
    flat = torch.tensor([getattr(task.loss, "flat_at_zero", True) for task in tasks], device=device)
    automatic = torch.tensor([task.floor is None for task in tasks], device=device)
    floors = clean.new_tensor([_FLOOR if task.floor is None else task.floor for task in tasks])
    small = (clean.abs() <= floors) & (flat | ~attacked | relative)
    if not small.any():
        return Reference(clean)
    noisy = noisy_inputs(ball)
    noise = losses_at(noisy)
    zero = small & (~automatic | (clean.abs() <= _SHARE_OF_NOISE * noise.abs()))
    moved = (zero & flat & attacked & (noise != 0)).any(dim=1)
    start = where(moved, noisy, ball.images) if moved.any() else None
    return Reference(torch.where(zero, noise, clean), start)


def noisy_inputs(ball: Ball) -> Tensor:
    """The clean inputs ``(N, ...)`` under uniform noise as large as the ball, the same noise for every sample."""
    generator = torch.Generator().manual_seed(_NOISE_SEED)
    noise = torch.rand((1, *ball.images.shape[1:]), generator=generator).to(ball.images) * 2 - 1
    return ball.clipped(ball.images + ball.noise * noise)


def relative_rises(losses: Tensor, reference: Tensor) -> Tensor:
    """Relative loss increases ``(N, K)`` of preserved tasks from signed losses, over a floor if the reference is 0."""
    return (reference - losses) / torch.where(reference == 0, _FLOOR, reference.abs())
