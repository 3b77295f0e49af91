"""Metrics of a model on unattacked images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset

from mt_torchattacks.data.memory import loaded
from mt_torchattacks.metrics import TaskError, TaskMetrics
from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.tasks.outputs import outputs_by_task


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
        model: maps images to outputs by task; on the Fabric's device, if there is one.
        tasks: the tasks' losses.
        dataset: ``(image, targets)`` samples.
        metrics: fresh accumulators by task.
        batch_size: samples at a time, in each process.
        fabric: its processes share the samples; all of them get the metrics of all samples.
        workers: processes that load the data; 0 for none.

    Returns:
        ``{task: {metric: value}}``; the metric ``loss`` is the mean over the samples that have a target, see
        :class:`~mt_torchattacks.metrics.TaskError`.
    """
    data, device = loaded(dataset), torch.device("cpu") if fabric is None else fabric.device
    rank, processes = (0, 1) if fabric is None else (fabric.global_rank, fabric.world_size)
    mine = Subset(data, range(rank, len(data), processes))
    meters = {task: (TaskError(tasks[task].loss).to(device), metric.to(device)) for task, metric in metrics.items()}
    with modes_kept(model):
        model.eval()
        for images, targets in DataLoader(mine, batch_size, num_workers=workers, generator=torch.Generator()):
            outputs = outputs_by_task(model(images.to(device)), tuple(tasks), tuple(metrics))
            for task, pair in meters.items():
                for meter in pair:
                    meter.update(outputs[task], targets[task].to(device))
    values = {task: [meter.compute() for meter in pair] for task, pair in meters.items()}
    return {
        task: {"loss": float(loss["error"]), **{name: float(value) for name, value in found.items()}}
        for task, (loss, found) in values.items()
    }
