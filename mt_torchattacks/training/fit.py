"""Multi-task training."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from mt_torchattacks import checks
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.training.augment import random_mirror
from mt_torchattacks.training.memory import Batch, InMemory


def fit(
    model: nn.Module,
    tasks: Tasks,
    dataset: Any,
    *,
    epochs: int,
    batch_size: int = 32,
    lr: float = 3e-3,
    weight_decay: float = 1e-4,
    weights: Mapping[str, float] | None = None,
    mirror: bool = True,
    seed: int = 0,
    log: Path | None = None,
    progress: bool = True,
) -> list[dict[str, float]]:
    """Train a model on all its tasks with AdamW and a one-cycle schedule.

    The loss of a batch is the weighted sum over the tasks of the mean per-sample loss. With the same seed, number of
    threads and initial weights the result is the same.

    Args:
        model: maps images ``(N, 3, H, W)`` to a dict of outputs; it is changed in place and left in evaluation mode.
        tasks: the tasks' losses.
        dataset: ``(image, targets)`` samples; loaded into memory once.
        epochs: passes over the data set.
        batch_size: samples per step; the last, smaller batch of an epoch is left out.
        lr: the schedule's highest learning rate.
        weight_decay: AdamW's.
        weights: a factor for each task's loss; 1 for tasks not named.
        mirror: mirror samples at random (see :func:`~mt_torchattacks.training.augment.random_mirror`).
        seed: of the order of the samples and of the augmentation.
        log: a CSV file for the rows that are returned, rewritten after each epoch.
        progress: show a progress bar.

    Returns:
        for each epoch its number and the mean of each task's loss.

    Raises:
        ValueError: a weight of no task, numbers that are not positive, or fewer samples than a batch holds.
    """
    data = InMemory(dataset)
    checks.positive(epochs, "epochs")
    checks.require(len(data) >= batch_size, "dataset", f"at least one batch of {batch_size}", f"{len(data)} samples")
    checks.keys(weights or {}, "weights", (), allowed=tasks)
    factors = dict.fromkeys(tasks, 1.0) | dict(weights or {})
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay, fused=True)
    steps = len(data) // batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, epochs=epochs, steps_per_epoch=steps)
    rows: list[dict[str, float]] = []
    model.train()
    for epoch in (bar := tqdm(range(epochs), desc="epochs", disable=not progress)):
        total = dict.fromkeys(tasks, 0.0)
        for indices in data.batches(batch_size, torch.randperm(len(data), generator=generator))[:steps]:
            batch = data.take(indices)
            losses = _step(model, tasks, random_mirror(*batch, generator) if mirror else batch, factors, optimizer)
            schedule.step()
            total = {task: total[task] + losses[task] / steps for task in tasks}
        rows.append({"epoch": epoch, **total})
        bar.set_postfix({task: f"{value:.3f}" for task, value in total.items()})
        if log is not None:
            _write(rows, log)
    model.eval()
    return rows


def _step(
    model: nn.Module, tasks: Tasks, batch: Batch, factors: Mapping[str, float], optimizer: torch.optim.Optimizer
) -> dict[str, float]:
    """One step of the optimizer; returns each task's mean loss before it."""
    images, targets = batch
    losses = {task: loss.mean() for task, loss in tasks.losses(model(images), targets).items()}
    optimizer.zero_grad()
    torch.stack([factors[task] * loss for task, loss in losses.items()]).sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return {task: loss.item() for task, loss in losses.items()}


def _write(rows: list[dict[str, float]], log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
