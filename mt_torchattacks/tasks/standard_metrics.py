"""The metrics that the papers report of each task."""

from __future__ import annotations

from collections.abc import Sequence

from mt_torchattacks import checks
from mt_torchattacks.metrics.base import TaskMetrics
from mt_torchattacks.metrics.depth import DepthMetrics
from mt_torchattacks.metrics.error import TaskError
from mt_torchattacks.metrics.normal import NormalMetrics
from mt_torchattacks.metrics.segmentation import Miou, SegmentationMetrics
from mt_torchattacks.tasks.standard import standard_tasks


def standard_metrics(
    names: Sequence[str], num_classes: int | None = None, *, miou: Miou = "occurring", resize: str | None = None
) -> dict[str, TaskMetrics]:
    """Fresh accumulators by task: the metrics of segmentation, normals and depth, the mean loss of any other task.

    Args:
        names: tasks of the data sets, see :func:`~mt_torchattacks.tasks.standard_tasks`.
        num_classes: number of classes; needed where segmentation is among the tasks.
        miou: the classes that mIoU is the mean over, see :class:`~mt_torchattacks.metrics.SegmentationMetrics`.
        resize: see :class:`~mt_torchattacks.metrics.base.DenseMetrics`.

    Raises:
        TypeError: segmentation without a number of classes.
        ValueError: a name without a standard loss; the message lists those that have one. Another ``miou`` or
            ``resize``.

    Example:
        >>> standard_metrics(["segmentation", "edge_texture"], num_classes=17)
        {'segmentation': SegmentationMetrics(), 'edge_texture': TaskError()}
    """
    metrics: dict[str, TaskMetrics] = {}
    for name, task in standard_tasks(names, resize=resize).items():
        if name == "segmentation":
            if num_classes is None:
                checks.fail("num_classes", "the number of classes of the task 'segmentation'", "none", TypeError)
            metrics[name] = SegmentationMetrics(num_classes, miou=miou, resize=resize)
        elif name == "normal":
            metrics[name] = NormalMetrics(resize=resize)
        elif name == "depth":
            metrics[name] = DepthMetrics(resize=resize)
        else:
            metrics[name] = TaskError(task.loss)
    return metrics
