"""Which of several attacks' images, one for each sample, make the metrics of a whole data set the worst."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, TypeAlias

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.evaluation.pooling import PooledImages, total_of
from mt_torchattacks.metrics import average_relative_performance

Metrics: TypeAlias = Mapping[str, Mapping[str, float]]
"""``{task: {metric: value}}``."""

Harm: TypeAlias = Callable[[Metrics], float]
"""How bad the metrics of a data set are; higher is worse."""

_ROUNDS = 100  # three are usual; a bound, since sums of floating-point numbers need not return to where they were
_GAIN = 1e-12  # a relative gain that is no rounding


class Selection(NamedTuple):
    """The worst choice that was found.

    Attributes:
        chosen: for each image the name of the member whose image it is.
        metrics: of the whole set with these images, ``{task: {metric: value}}``.
        harm: of these metrics; at least each member's.
        harms: of each member's images alone.
        rounds: rounds over the images that changed something.
    """

    chosen: list[str]
    metrics: dict[str, dict[str, float]]
    harm: float
    harms: dict[str, float]
    rounds: int


def select(members: Mapping[str, PooledImages], harm: Harm, tasks: Collection[str] | None = None) -> Selection:
    """Choose an image of some member for each sample, so that the metrics of the whole set are as bad as can be found.

    Metrics of a set (an intersection over union, a share of pixels within a threshold) are no sums of numbers of one
    image, so the worst image by some score of its own need not make them worst. Here the search starts with the member
    whose images do the most harm, goes from image to image, takes for each the alternative after which the metrics of
    the whole set are worst, and ends when a round changes nothing (coordinate ascent). So the result is never below the
    best member. No model is run.

    Args:
        members: by name, what the model did on each image under each attack; all on the same images.
        harm: from the metrics of the set to what is to be as high as possible.
        tasks: the tasks that the harm asks for; all by default.

    Raises:
        ValueError: no member, members of other images, or a harm that is undefined for each member.
    """
    checks.require(bool(members), "members", "at least one", "none")
    first = next(iter(members.values()))
    for name, member in members.items():
        same = member.marks == first.marks
        checks.require(same, f"members[{name!r}]", "the same images in the same order as the others", "others")
    judged = _Judged(first, harm)
    harms = {name: judged(member.total(tasks)) for name, member in members.items()}
    start = max(harms, key=lambda name: harms[name])
    checks.require(harms[start] > -math.inf, "harm", "a number for at least one member", "none")
    chosen, rounds = _ascended(members, judged, start, tasks)
    total = total_of([members[name] for name in chosen], range(len(first)), tasks)
    if judged(total) < harms[start]:  # by rounding alone
        chosen, total = [start] * len(first), members[start].total(tasks)
    return Selection(chosen, first.pool.metrics(total), judged(total), harms, rounds)


class _Judged:
    """A harm as a function of sums; what is undefined is the least."""

    def __init__(self, member: PooledImages, harm: Harm) -> None:
        self.pool, self.harm = member.pool, harm

    def __call__(self, total: Mapping[str, Tensor]) -> float:
        try:
            found = float(self.harm(self.pool.metrics(total)))
        except ValueError:  # a metric is not finite on this choice of images
            return -math.inf
        return -math.inf if math.isnan(found) else found


def _ascended(
    members: Mapping[str, PooledImages], judged: _Judged, start: str, tasks: Collection[str] | None
) -> tuple[list[str], int]:
    chosen = [start] * len(members[start])
    total = members[start].total(tasks)
    now, rounds = judged(total), 0
    for _ in range(_ROUNDS):
        before = list(chosen)
        for i, current in enumerate(before):
            left = {task: total[task] - members[current].sums[i][task] for task in total}
            for name in members:
                if name != current:
                    tried = {task: left[task] + members[name].sums[i][task] for task in total}
                    value = judged(tried)
                    if value > now + _GAIN * abs(now):
                        chosen[i], total, now = name, tried, value
        if chosen == before:
            break
        rounds += 1
    return chosen, rounds


def relative_harm(
    clean: Metrics, directions: Mapping[str, Mapping[str, bool]], tasks: Collection[str] | None = None
) -> Harm:
    """Average relative performance (ARP) in percent, as a harm.

    Args:
        clean: metrics on the clean images.
        directions: whether higher is better, by task and metric.
        tasks: the tasks to average over; all by default.

    Example:
        >>> harm = relative_harm({"depth": {"error": 0.5}}, {"depth": {"error": False}})
        >>> harm({"depth": {"error": 1.0}})
        100.0
    """
    wanted = list(clean) if tasks is None else list(tasks)

    def harm(metrics: Metrics) -> float:
        parts = ({task: part[task] for task in wanted} for part in (clean, metrics, directions))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what cannot be compared is said once, where the evaluation is made
            return average_relative_performance(*parts).total  # type: ignore[arg-type]

    return harm


def metric_harm(name: str, directions: Mapping[str, Mapping[str, bool]]) -> Harm:
    """One metric as a harm: itself where lower is better, its negative where higher is.

    Args:
        name: ``"task/metric"``, as ``"segmentation/miou"``, ``"heads/all_wrong"``.
        directions: whether higher is better, by task and metric.

    Raises:
        ValueError: no such metric; the message lists those there are.

    Example:
        >>> metric_harm("depth/error", {"depth": {"error": False}})({"depth": {"error": 0.25}})
        0.25
    """
    known = [f"{task}/{metric}" for task, metrics in directions.items() for metric in metrics]
    checks.one_of(name, "goal", ["arp", *known])
    task, _, metric = name.partition("/")
    sign = -1 if directions[task][metric] else 1
    return lambda metrics: sign * metrics[task][metric]
