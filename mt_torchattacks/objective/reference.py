"""What relative loss increases refer to: the clean losses, or the losses under noise where those are as good as 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mt_torchattacks.tasks import Task

_FLOOR = 1e-3  # a clean loss of at most this may be as good as 0 ...
_SHARE_OF_NOISE = 1e-2  # ... and is if it is at most this share of the loss under noise


def reference(
    clean: Tensor, tasks: Sequence[Task], attacked: Tensor, relative: bool, under_noise: Callable[[], Tensor]
) -> tuple[Tensor, Tensor]:
    """The losses that increases refer to, and which samples have to start from noise to have a gradient at all.

    Args:
        clean: ``(N, T)`` signed losses at the clean images.
        tasks: the T tasks; see ``floor`` of :class:`~mt_torchattacks.Task`.
        attacked: ``(T,)`` boolean, False for tasks that are preserved within a budget.
        relative: whether the balancing rule divides by clean losses.
        under_noise: gives the signed losses ``(N, T)`` under noise; called only where it matters.

    Returns:
        losses ``(N, T)`` and a boolean ``(N,)``.

    Example:
        >>> import mt_torchattacks as mta
        >>> tasks, clean = [mta.Task(mta.losses.L1())] * 2, torch.tensor([[0.0, 2.0]])
        >>> reference(clean, tasks, torch.tensor([True, True]), True, lambda: torch.tensor([[0.5, 2.5]]))
        (tensor([[0.5000, 2.0000]]), tensor([True]))
    """
    device = clean.device
    flat = torch.tensor([getattr(task.loss, "flat_at_zero", True) for task in tasks], device=device)
    automatic = torch.tensor([task.floor is None for task in tasks], device=device)
    floors = clean.new_tensor([_FLOOR if task.floor is None else task.floor for task in tasks])
    small = (clean.abs() <= floors) & (flat | ~attacked | relative)
    if not small.any():
        return clean, small.any(dim=1)
    noisy = under_noise()
    zero = small & (~automatic | (clean.abs() <= _SHARE_OF_NOISE * noisy.abs()))
    return torch.where(zero, noisy, clean), (zero & flat & attacked & (noisy != 0)).any(dim=1)


def relative_rises(kept: Tensor, reference: Tensor) -> Tensor:
    """Relative loss increases ``(N, K)`` of preserved tasks from signed losses, over a floor if the reference is 0."""
    return (reference - kept) / torch.where(reference == 0, _FLOOR, reference.abs())
