"""What each image adds to the metrics of a data set: metrics of any choice of images without another model pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_sum

from mt_torchattacks import checks
from mt_torchattacks.evaluation.measure import checked_metrics, values_of
from mt_torchattacks.metrics import ClassificationMetrics, TaskError
from mt_torchattacks.tasks import Tasks

HEADS = "heads"
"""Stands beside the tasks' names for what concerns all classification heads of an image at once."""


class Pool:
    """The accumulators of some tasks, and how they add up over images.

    Metrics are accuracies, mean angles, intersections over unions: functions of sums over the images of a set (a
    confusion matrix, a histogram of angles, sums of errors). A pool turns images into such sums, and sums into metrics.
    Where there are classification heads it adds an entry ``"heads"`` with the shares of images on which all heads are
    wrong (``all_wrong``) and on which at least one is (``any_wrong``), of those with a label.

    Args:
        tasks: the tasks.
        metrics: one accumulator a task, as for :func:`~mt_torchattacks.evaluate`; none is changed.
        device: of the outputs.

    Raises:
        TypeError, ValueError: a metric does not fit, or its states do not add up over images (torchmetrics'
            ``dist_reduce_fx="sum"``), as those of a metric that keeps a list of everything.
    """

    def __init__(
        self, tasks: Tasks, metrics: Mapping[str, Metric] | None = None, device: torch.device | str = "cpu"
    ) -> None:
        given = {task: meter.clone() for task, meter in checked_metrics(tasks, metrics).items()}
        every: dict[str, Metric] = {task: TaskError(tasks[task].loss) for task in tasks}
        self.meters = {task: meter.to(device) for task, meter in (every | given).items()}
        for task, meter in self.meters.items():
            adds_up = all(reduction is dim_zero_sum for reduction in meter._reductions.values())
            expected = "a metric whose states are sums over images (dist_reduce_fx='sum')"
            checks.require(adds_up, f"metrics[{task!r}]", expected, type(meter).__name__)
        self.classes = [task for task, meter in self.meters.items() if isinstance(meter, ClassificationMetrics)]
        clash = HEADS in self.meters and bool(self.classes)
        checks.require(not clash, "tasks", f"another name than {HEADS!r}, which stands for all of them", repr(HEADS))

    @property
    def names(self) -> list[str]:
        """What there are sums of: the tasks, and ``"heads"`` where there are classification heads."""
        return [*self.meters, *([HEADS] if self.classes else [])]

    def sums(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        """For each image of a batch what it adds, by task: sparse float64 vectors.

        Args:
            outputs: the model's outputs by task.
            targets: the targets by task.
        """
        count = len(next(iter(targets.values())))
        found = []
        for i in range(count):
            of_image = {}
            for task, meter in self.meters.items():
                meter.reset()
                meter.update(outputs[task][i : i + 1], targets[task][i : i + 1])
                of_image[task] = torch.cat([_state(meter, name).flatten().double().cpu() for name in meter._defaults])
            if self.classes:
                of_image[HEADS] = self._heads(of_image)
            found.append({task: vector.to_sparse() for task, vector in of_image.items()})
        return found

    def metrics(self, total: Mapping[str, Tensor]) -> dict[str, dict[str, float]]:
        """The metrics that follow from sums over images, ``{task: {metric: value}}``, of the tasks that are given."""
        return {task: _shares(total[task]) if task == HEADS else self._of(task, total[task]) for task in total}

    def _heads(self, of_image: Mapping[str, Tensor]) -> Tensor:
        """All heads wrong, any head wrong, one image; zeros for an image without a label."""
        wrong = []
        for task in self.classes:
            hits, labels = of_image[task].view(2, -1).sum(dim=1).tolist()
            if labels:
                wrong.append(hits < labels)
        return torch.tensor([all(wrong), any(wrong), True]).double() * bool(wrong)

    def _of(self, task: str, total: Tensor) -> dict[str, float]:
        meter, start = self.meters[task], 0
        meter.reset()
        for name in meter._defaults:
            empty = _state(meter, name)
            setattr(meter, name, total[start : start + empty.numel()].view(empty.shape).to(empty))
            start += empty.numel()
        meter._update_count = 1  # or torchmetrics warns that nothing was added
        return values_of(f"metrics[{task!r}]", meter)


class PooledImages:
    """What a model did on each image of a data set under one attack, as sums that a :class:`Pool` can read.

    Args:
        pool: the accumulators.

    Attributes:
        sums: for each image, in the order of the set, what it adds by task.
        marks: a number for each image, made of its targets: tells whether two passes saw the same images.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> pool = Pool(mta.Tasks(depth=mta.losses.L1()))
        >>> seen = PooledImages(pool)
        >>> seen.add({"depth": torch.tensor([[1.0], [0.0]])}, {"depth": torch.tensor([[0.0], [0.5]])})
        >>> pool.metrics(seen.total())
        {'depth': {'error': 0.75}}
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.sums: list[dict[str, Tensor]] = []
        self.marks: list[float] = []

    def __len__(self) -> int:
        return len(self.sums)

    def add(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> None:
        """Add a batch: what :func:`~mt_torchattacks.evaluation.measure` tells who watches."""
        self.sums += self.pool.sums(outputs, targets)
        marks: Any = sum(target.flatten(1).double().nan_to_num().sum(dim=1) for target in _columns(targets))
        self.marks += marks.tolist()

    def total(self, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """Sums over all images, dense, by task."""
        return total_of([self] * len(self), range(len(self)), tasks)


def total_of(
    members: Sequence[PooledImages], images: Sequence[int], tasks: Collection[str] | None = None
) -> dict[str, Tensor]:
    """Sums over images of which each is taken from a member of its own.

    Args:
        members: for each of the images whose it is.
        images: the images' numbers.
        tasks: the tasks to sum over; all by default.
    """
    wanted = members[0].pool.names if tasks is None else tasks
    found = {task: members[0].sums[images[0]][task].to_dense() for task in wanted}
    for member, i in zip(members[1:], images[1:], strict=True):
        for task in wanted:
            found[task] += member.sums[i][task]
    return found


def _columns(targets: Mapping[str, Tensor]) -> list[Tensor]:
    return [target.reshape(len(target), -1) for target in targets.values()]


def _state(meter: Metric, name: str) -> Tensor:
    state: Tensor = getattr(meter, name)
    return state


def _shares(total: Tensor) -> dict[str, float]:
    all_wrong, any_wrong, images = total.tolist()
    return {"all_wrong": all_wrong / images, "any_wrong": any_wrong / images}
