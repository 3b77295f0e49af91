"""The losses, errors and metrics of tasks by their names or kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.kinds.base import Kind
from mt_torchattacks.tasks.kinds.registry import Names, chosen
from mt_torchattacks.tasks.tasks import Task, Tasks

if TYPE_CHECKING:
    from mt_torchattacks.metrics.base import TaskMetrics
    from mt_torchattacks.metrics.segmentation import Miou

NYUV2_TASKS = ("segmentation", "normal", "depth")

Given: TypeAlias = "Names | Tasks"
T = TypeVar("T")


def standard_tasks(
    names: Given = NYUV2_TASKS,
    *,
    class_weights: Tensor | Mapping[str, Tensor] | None = None,
    resize: str | None = None,
) -> Tasks:
    """Tasks by their names in the data sets, each with the loss that the papers train and attack it with.

    Segmentation has the cross-entropy of the pixels whose label is not 255, normals one minus the cosine where the
    target is not the zero vector, depth and euclidean depth the absolute error where the target is > 0, every other
    task of the data sets the absolute error of all pixels; for other kinds see :mod:`mt_torchattacks.tasks.kinds`.

    Args:
        names: the tasks, in the order that they are to have; or, for tasks of other names, a mapping of each to a kind
            or to a name that has one.
        class_weights: ``(K,)`` weights >= 0 of the cross-entropy, as Tiny-Taskonomy's prior factor, of every task that
            has classes, or of each by its name; without such a task they have no effect.
        resize: how outputs of another size are brought to the target's, see
            :class:`~mt_torchattacks.tasks.losses.base.Loss`; None: such an output is an error.

    Raises:
        TypeError: a kind that is none.
        ValueError: a name without a kind; the message lists those that have one.

    Example:
        >>> standard_tasks(["normal", "keypoints2d"])
        Tasks(normal=CosineDistance(valid=nonzero), keypoints2d=L1())
        >>> standard_tasks({"seen": "multilabel", "distance": "depth"})
        Tasks(seen=BCEWithLogits(valid=finite), distance=L1(valid=positive))
    """
    kinds = _kinds(names)
    found = {
        name: kind.loss(class_weights=_of_task(class_weights, name) if kind.classed else None, resize=resize)
        for name, kind in kinds.items()
    }
    return _tasks(names, kinds, found)


def error_tasks(names: Given = NYUV2_TASKS, *, resize: str | None = None) -> Tasks:
    """The same tasks with errors in place of training losses: what to attack when metrics are to fall.

    Segmentation and classification have the expected share of wrong pixels or images, normals the angle in degrees,
    depth and euclidean depth the relative error; a task whose metric is its loss keeps that.

    Args:
        names: as in :func:`standard_tasks`, or tasks that it made.
        resize: as in :func:`standard_tasks`.

    Raises:
        TypeError, ValueError: as :func:`standard_tasks`.

    Example:
        >>> error_tasks(["normal", "depth"])
        Tasks(normal=Angle(valid=nonzero), depth=RelativeError(valid=positive))
    """
    kinds = _kinds(names)
    return _tasks(names, kinds, {name: kind.error(resize=resize) for name, kind in kinds.items()})


def standard_metrics(
    names: Given,
    num_classes: int | Mapping[str, int] | None = None,
    *,
    miou: Miou = "occurring",
    per_class: bool = False,
    resize: str | None = None,
) -> dict[str, TaskMetrics]:
    """Fresh accumulators by task: the metrics of its kind, which is the mean loss where the kind has no other.

    Args:
        names: as in :func:`standard_tasks`, or tasks that it made.
        num_classes: number of classes of every task that has classes, or of each by its name; needed where there is
            one.
        miou: the classes that mIoU is the mean over, see :class:`~mt_torchattacks.metrics.SegmentationMetrics`.
        per_class: measure each class of a classification, too, see
            :class:`~mt_torchattacks.metrics.ClassificationMetrics`.
        resize: see :class:`~mt_torchattacks.metrics.base.DenseMetrics`.

    Raises:
        TypeError: a task that has classes, without their number; or a kind that is none.
        ValueError: a name without a kind; the message lists those that have one. Another ``miou`` or ``resize``.

    Example:
        >>> standard_metrics(["segmentation", "edge_texture"], num_classes=17)
        {'segmentation': SegmentationMetrics(), 'edge_texture': TaskError()}
        >>> standard_metrics({"left": "classification"}, num_classes={"left": 10})
        {'left': ClassificationMetrics()}
    """
    metrics = {}
    for name, kind in _kinds(names).items():
        count = _of_task(num_classes, name)
        if kind.classed and count is None:
            checks.fail("num_classes", f"the number of classes of the task {name!r}", "none", TypeError)
        metrics[name] = kind.metrics(count or 0, resize=resize, miou=miou, per_class=per_class)
    return metrics


def _kinds(names: Given) -> dict[str, Kind]:
    return chosen({name: task.kind or name for name, task in names.items()} if isinstance(names, Tasks) else names)


def _tasks(names: Given, kinds: Mapping[str, Kind], losses: Mapping[str, object]) -> Tasks:
    """Tasks that remember their kinds where their names do not say them, and where their outputs are."""
    said = kinds if isinstance(names, Mapping) else {}
    places = {name: task.output for name, task in names.items()} if isinstance(names, Tasks) else {}
    made = {name: Task(loss, kind=said.get(name), output=places.get(name)) for name, loss in losses.items()}  # type: ignore[arg-type]
    return Tasks(made)


def _of_task(value: Mapping[str, T] | T | None, task: str) -> T | None:
    return value.get(task) if isinstance(value, Mapping) else value
