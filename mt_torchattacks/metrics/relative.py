"""How much an attack worsens metrics, relative to the clean model: ARP and transferability."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from mt_torchattacks import checks

TaskMetricValues: TypeAlias = Mapping[str, Mapping[str, float | Tensor]]
"""``{task: {metric: value}}``."""


@dataclass(frozen=True)
class AverageRelativePerformance:
    """How much worse a model got, in percent; worse is positive.

    Attributes:
        total: mean over the tasks.
        per_task: mean over each task's metrics.
        changes: each metric's relative change.
    """

    total: float
    per_task: dict[str, float]
    changes: dict[str, dict[str, float]]


def average_relative_performance(
    before: TaskMetricValues, after: TaskMetricValues, higher_is_better: Mapping[str, Mapping[str, bool]]
) -> AverageRelativePerformance:
    """Average relative performance, ARP ('Attacking All Tasks at Once', eq. 10).

    Per metric the relative change in percent, signed so that worse is positive; of these the mean over a task's
    metrics; of these the mean over the tasks. A change that is undefined (a clean metric of 0, a value that is not
    finite) is left out with a warning, as is a task of which no metric is left.

    Args:
        before: clean metrics, ``{task: {metric: value}}``.
        after: metrics under attack, of the same tasks and metrics.
        higher_is_better: direction of each metric, of the same tasks and metrics.

    Raises:
        KeyError: a task or metric of ``before`` is missing elsewhere.
        ValueError: a task or metric is there that ``before`` does not have, or nothing is left to average.

    Example:
        >>> arp = average_relative_performance(
        ...     before={"segmentation": {"miou": 0.4}, "depth": {"abs": 0.5, "delta": 0.8}},
        ...     after={"segmentation": {"miou": 0.1}, "depth": {"abs": 1.0, "delta": 0.4}},
        ...     higher_is_better={"segmentation": {"miou": True}, "depth": {"abs": False, "delta": True}},
        ... )
        >>> round(arp.total, 6), {task: round(value, 6) for task, value in arp.per_task.items()}
        (75.0, {'segmentation': 75.0, 'depth': 75.0})
    """
    for name, other in (("after", after), ("higher_is_better", higher_is_better)):
        checks.keys(other, name, before.keys(), allowed=before.keys())
        for task in before:
            checks.keys(other[task], f"{name}[{task!r}]", before[task].keys(), allowed=before[task].keys())
    changes = {task: _changes(task, before[task], after[task], higher_is_better[task]) for task in before}
    per_task = {task: _mean(values.values()) for task, values in changes.items() if values}
    checks.require(bool(per_task), "before", "a task with a finite metric other than 0", "none")
    return AverageRelativePerformance(_mean(per_task.values()), per_task, changes)


def transferability(arp_per_task: Mapping[str, float], attacked: str) -> float:
    """How far an attack on one task carries over: mean ARP of the other tasks over the attacked task's ARP.

    'Attacking All Tasks at Once', section on parameter sharing. The published transferabilities come without the
    per-task ARPs that they follow from, so they check the definition only indirectly: each, together with the published
    mean ARP of the same attack (taken to be APGD at 8/255), gives the attacked task's own ARP. With the mean of the
    other tasks segmentation comes to 88 % on the model that shares all layers and 89 % on the one that shares none;
    with their sum to 116 % on the former, which metrics that cannot fall below 0 do not allow.

    Args:
        arp_per_task: ARP of every task, in percent, under an attack on ``attacked`` alone.
        attacked: the task that was attacked.

    Returns:
        0 where the other tasks are untouched, 1 where they suffer as much as the attacked one.

    Raises:
        KeyError: ``attacked`` is not among the tasks.
        ValueError: there is no other task, or the attack did not hurt the attacked task.

    Example:
        >>> transferability({"segmentation": 10.0, "normal": 30.0, "depth": 80.0}, attacked="depth")
        0.25
    """
    checks.keys(arp_per_task, "arp_per_task", [attacked])
    others = [value for task, value in arp_per_task.items() if task != attacked]
    checks.require(bool(others), "arp_per_task", f"another task beside {attacked!r}", "none")
    own = arp_per_task[attacked]
    checks.require(own > 0, f"arp_per_task[{attacked!r}]", "a number > 0, or the ratio means nothing", own)
    return _mean(others) / own


def _changes(
    task: str, before: Mapping[str, float | Tensor], after: Mapping[str, float | Tensor], up: Mapping[str, bool]
) -> dict[str, float]:
    changes = {}
    for metric in before:
        clean, attacked = float(before[metric]), float(after[metric])
        if clean == 0 or not math.isfinite(clean) or not math.isfinite(attacked):
            warnings.warn(
                f"{task}/{metric}: the relative change from {clean:g} to {attacked:g} is undefined; it is left out.",
                stacklevel=3,
            )
            continue
        worse = clean - attacked if up[metric] else attacked - clean
        changes[metric] = 100 * worse / abs(clean)
    return changes


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return math.fsum(numbers) / len(numbers)
