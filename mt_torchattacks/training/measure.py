"""Metrics of a model on unattacked images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset

from mt_torchattacks.attacks.state import modes_kept
from mt_torchattacks.metrics import TaskMetrics
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.training.memory import loaded


@torch.no_grad()
def measure(
    model: nn.Module,
    tasks: Tasks,
    dataset: Any,
    metrics: Mapping[str, TaskMetrics],
    batch_size: int = 64,
    *,
    fabric: Any = None,
    workers: int = 0,
) -> dict[str, dict[str, float]]:
    """Every metric, and the mean per-sample loss, of a model in evaluation mode.

    Args:
        model: maps images to a dict of outputs; on the Fabric's device, if there is one.
        tasks: the tasks' losses.
        dataset: ``(image, targets)`` samples.
        metrics: fresh accumulators by task.
        batch_size: samples at a time, in each process.
        fabric: its processes share the samples; all of them get the metrics of all samples.
        workers: processes that load the data; 0 for none.

    Returns:
        ``{task: {metric: value}}``; the metric ``loss`` is the mean of the per-sample losses.
    """
    data, device = loaded(dataset), torch.device("cpu") if fabric is None else fabric.device
    rank, processes = (0, 1) if fabric is None else (fabric.global_rank, fabric.world_size)
    mine = Subset(data, range(rank, len(data), processes))
    totals = {task: torch.zeros((), dtype=torch.float64, device=device) for task in tasks.active}
    for metric in metrics.values():
        metric.to(device)
    with modes_kept(model):
        model.eval()
        for images, targets in DataLoader(mine, batch_size, num_workers=workers, generator=torch.Generator()):
            images, targets = images.to(device), {task: target.to(device) for task, target in targets.items()}
            outputs = model(images)
            for task, loss in tasks.losses(outputs, targets).items():
                totals[task] += loss.sum()
            for task, metric in metrics.items():
                metric.update(outputs[task], targets[task])
    if processes > 1:
        totals = fabric.all_reduce(totals, reduce_op="sum")
    values = {task: {name: float(v) for name, v in metric.compute().items()} for task, metric in metrics.items()}
    return {task: {"loss": float(totals[task]) / len(data)} | values[task] for task in metrics}
