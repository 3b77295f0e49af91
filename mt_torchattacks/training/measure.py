"""Metrics of a model on unattacked images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from mt_torchattacks.metrics import DepthMetrics, NormalMetrics, SegmentationMetrics, TaskMetrics
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.training.memory import InMemory


def standard_metrics(num_classes: int) -> dict[str, TaskMetrics]:
    """Fresh metrics of the tasks segmentation, normal and depth."""
    return {"segmentation": SegmentationMetrics(num_classes), "normal": NormalMetrics(), "depth": DepthMetrics()}


@torch.no_grad()
def measure(
    model: nn.Module, tasks: Tasks, dataset: Any, metrics: Mapping[str, TaskMetrics], batch_size: int = 64
) -> dict[str, dict[str, float]]:
    """Every metric, and the mean per-sample loss, of a model in evaluation mode.

    Args:
        model: maps images to a dict of outputs.
        tasks: the tasks' losses.
        dataset: ``(image, targets)`` samples.
        metrics: fresh accumulators by task.
        batch_size: samples at a time.

    Returns:
        ``{task: {metric: value}}``; the metric ``loss`` is the mean of the per-sample losses.
    """
    data = InMemory(dataset)
    model.eval()
    total = dict.fromkeys(tasks, 0.0)
    for indices in data.batches(batch_size):
        images, targets = data.take(indices)
        outputs = model(images)
        for task, loss in tasks.losses(outputs, targets).items():
            total[task] += float(loss.sum())
        for task, metric in metrics.items():
            metric.update(outputs[task], targets[task])
    values = {task: {name: float(v) for name, v in metric.compute().items()} for task, metric in metrics.items()}
    return {task: {"loss": total[task] / len(data)} | values[task] for task in metrics}
