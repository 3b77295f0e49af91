"""Metrics of a model in training, measured by all of its processes together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset

from mt_torchattacks import evaluation
from mt_torchattacks.data.memory import loaded
from mt_torchattacks.metrics import TaskMetrics
from mt_torchattacks.tasks import Tasks


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
        metrics: accumulators by task.
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
    loader = DataLoader(mine, batch_size, num_workers=workers, generator=torch.Generator())
    found = evaluation.measure(model, tasks, loader, metrics, device=device)
    return {task: {"loss": found.losses[task], **found.metrics[task]} for task in metrics}
