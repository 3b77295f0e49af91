"""Training on batches that are on the model's device already, clean or attacked; nothing but PyTorch is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.training.step import Attack, TrainingStep
from mt_torchattacks.types import Images, Targets


def train_on_batches(
    model: nn.Module,
    tasks: Tasks,
    epoch: Callable[[], Iterable[tuple[Images, Targets]]],
    optimizer: torch.optim.Optimizer,
    epochs: int,
    *,
    attack: Attack | None = None,
    ratio: float = 1.0,
    scheduler: Any = None,
    progress: bool = False,
) -> list[dict[str, float]]:
    """Train a model on the sum of its tasks' mean losses, on clean or on attacked images.

    With an attack this is adversarial training as in 'Towards Deep Learning Models Resistant to Adversarial Attacks'
    (Madry et al., https://arxiv.org/abs/1706.06083, eq. 2.1): the attack maximizes over the images, at the weights of
    that moment, what the step minimizes over the weights.

    Args:
        model: the model; trained in training mode, attacked in the attack's, left in the modes it came in.
        tasks: its tasks; ignored ones are not trained.
        epoch: a function that gives an epoch's batches ``(images, targets)``, on the model's device.
        optimizer: holds the model's parameters.
        epochs: number of epochs >= 0.
        attack: ``(images, targets) -> adversarial images``, for example ``mta.PGD(...)``; None for clean images.
        ratio: share in (0, 1] of each batch's images, drawn at random, that are attacked.
        scheduler: a learning-rate scheduler, stepped after each epoch.
        progress: show a progress bar.

    Returns:
        For each epoch the mean of each task's loss, on the images that were trained on.

    Raises:
        ValueError: a ratio outside (0, 1], or an epoch without batches.

    Example:
        >>> import mt_torchattacks as mta
        >>> model, tasks = nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> batches = [(torch.rand(8, 3, 4, 4), {"depth": torch.ones(8, 1, 4, 4)})]
        >>> attack = mta.PGD(model, tasks, balance="total", steps=2)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> rows = train_on_batches(model, tasks, lambda: batches, optimizer, epochs=5, attack=attack)
        >>> rows[-1]["depth"] < rows[0]["depth"]
        True
    """
    step = TrainingStep(model, tasks, optimizer, attack=attack, ratio=ratio)
    rows = []
    with modes_kept(model):
        model.train()
        for _ in (bar := tqdm(range(epochs), desc="epochs", disable=None if progress else True)):
            rows.append(dict(zip(tasks.active, step.epoch(epoch()).tolist(), strict=True)))
            bar.set_postfix({name: f"{loss:.3g}" for name, loss in rows[-1].items()})
            if scheduler is not None:
                scheduler.step()
    return rows
