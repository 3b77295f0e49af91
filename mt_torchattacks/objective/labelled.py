"""Which samples have a target for a task: those with an element that counts, by the loss's own mask."""

from __future__ import annotations

import warnings
from collections.abc import Collection

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.tasks.losses.base import Loss
from mt_torchattacks.types import Targets


def measured(tasks: Tasks, targets: Targets, samples: int) -> dict[str, Tensor]:
    """For each active task the samples ``(N,)``, boolean, whose loss is measured: those with a valid element.

    All are for a loss that is no :class:`~mt_torchattacks.tasks.losses.base.Loss`: it has no mask to be asked.

    Args:
        tasks: the tasks.
        targets: the targets ``(N, ...)`` of the active ones.
        samples: their number N.

    Example:
        >>> import mt_torchattacks as mta
        >>> tasks = mta.Tasks(label=mta.losses.CrossEntropy(ignore_index=-1))
        >>> measured(tasks, {"label": torch.tensor([2, -1])}, 2)["label"]
        tensor([ True, False])
    """
    found = {}
    for name in tasks.active:
        loss = tasks[name].loss
        mask = loss.mask(targets[name]) if isinstance(loss, Loss) else None
        everything = torch.ones(samples, dtype=torch.bool, device=targets[name].device)
        found[name] = everything if mask is None else everything & mask.reshape(len(mask), -1).any(dim=1)
    return found


def warn_of_unlabelled(unlabelled: Tensor, names: Collection[str]) -> None:
    """Say how many samples stay as they are for want of a target.

    Args:
        unlabelled: ``(N,)`` boolean.
        names: the tasks that are attacked.
    """
    count = int(unlabelled.sum())
    if count:
        text = f"targets: {count} of {len(unlabelled)} samples have no valid target for {checks.listed(names)}"
        warnings.warn(f"{text} and stay clean.", UserWarning, stacklevel=2)
