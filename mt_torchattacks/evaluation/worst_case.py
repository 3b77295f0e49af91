"""The worst that a set of attacks does to a model, judged by the metrics of the whole data set."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torchmetrics import Metric

from mt_torchattacks import checks
from mt_torchattacks.attacks.best import CLEAN
from mt_torchattacks.evaluation.measure import AttackFunction, device_of, directions, measure
from mt_torchattacks.evaluation.pooling import HEADS, Pool, PooledImages, total_of
from mt_torchattacks.evaluation.result import Evaluation, Measurements
from mt_torchattacks.evaluation.selection import Harm, Metrics, Selection, metric_harm, relative_harm, select
from mt_torchattacks.evaluation.shown import ShownAsTable
from mt_torchattacks.metrics import AverageRelativePerformance, average_relative_performance
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Targets

if TYPE_CHECKING:
    from pandas import DataFrame

WORST = "worst case"
"""One image of each sample for all tasks: what an attacker can do."""

ENVELOPE = "envelope"
"""Each task's own worst image of each sample: what can be done to any one head, though not to all at once."""


@dataclass(frozen=True, repr=False)
class WorstCaseEvaluation(ShownAsTable):
    """The two verdicts on a model, and what they are made of; made by :func:`~mt_torchattacks.worst_case`.

    Printed, and at the end of a cell of a notebook, it is the table of :meth:`to_frame`; :meth:`plot` draws it.

    Attributes:
        evaluation: the model on clean images, under each attack, under ``"worst case"`` and under ``"envelope"``.
        joint: the choice of one image of each sample for all tasks.
        by_task: for each task the choice that is worst for it alone.
        members: what the model did on each image, clean and under each attack.
        seconds: of the choosing, without the attacks.
    """

    evaluation: Evaluation
    joint: Selection
    by_task: dict[str, Selection]
    members: dict[str, PooledImages] = field(repr=False)
    seconds: float

    @property
    def wins(self) -> dict[str, int]:
        """For each attack, and ``"clean"``, of how many samples the joint worst case takes its image."""
        counted = Counter(self.joint.chosen)
        return {name: counted[name] for name in self.joint.harms}

    def relative(self, chosen: Sequence[str]) -> AverageRelativePerformance:
        """Average relative performance if each sample's image is the one that an attack of one's own choice made.

        Args:
            chosen: for each sample the name of an attack, or ``"clean"``.
        """
        metrics = self.metrics(chosen, range(len(chosen)))
        return average_relative_performance(self.evaluation.clean.metrics, metrics, self.evaluation.directions)

    def metrics(self, chosen: Sequence[str], images: Sequence[int]) -> dict[str, dict[str, float]]:
        """The metrics of any images, each as an attack made it, ``{task: {metric: value}}``; no model is run.

        Args:
            chosen: for each of the images the name of an attack, or ``"clean"``.
            images: their numbers in the data set; some may be missing and others come several times, as in a bootstrap.
        """
        total = total_of([self.members[name] for name in chosen], images, list(self.by_task))
        return self.members[CLEAN].pool.metrics(total)

    def _title(self) -> str:
        return f"Worst case of {self.evaluation.clean.samples} samples, ARP in percent"

    def _tasks(self) -> Sequence[str]:
        return self.evaluation._tasks()

    def _arp(self) -> Mapping[str, Mapping[str, float]]:
        return self.evaluation._arp()

    def _columns(self) -> Mapping[str, Mapping[str, str]]:
        return {"wins": {name: str(count) for name, count in self.wins.items()}}

    def to_frame(self) -> DataFrame:
        """A row for each attack and verdict: samples won in the joint worst case, ARP by task and in all (percent).

        Raises:
            ImportError: pandas is not installed.
        """
        frame = self.evaluation.arp()
        frame.insert(0, "wins", [self.wins.get(name, len(self.joint.chosen)) for name in frame.index])
        return frame


def worst_case(
    model: nn.Module,
    tasks: Tasks,
    loader: Iterable[tuple[Images, Targets]],
    attacks: Mapping[str, AttackFunction],
    metrics: Mapping[str, Metric] | None = None,
    *,
    goal: str | Harm = "arp",
    device: torch.device | str | None = None,
    progress: bool = True,
) -> WorstCaseEvaluation:
    """Run several attacks and say how bad it gets if the attacker takes, for each sample, whichever image is worst.

    There are two verdicts, and a report needs both. The **worst case** has one image of each sample for all tasks,
    chosen so that the goal on the whole set is as bad as can be found: never below any of the attacks, by construction.
    The **envelope** lets each task have its own worst images: how robust each head is by itself, which the worst case
    overstates, since there one image has to serve all heads.

    Args:
        model: the model to evaluate.
        tasks: its tasks; all are evaluated, whatever their roles.
        loader: batches ``(images, targets)``, gone through once for the clean images and once for each attack, in the
            same order each time.
        attacks: by name, ``(images, targets) -> adversarial images``: of this library or not; for the standard set
            ``mta.WorstCase(model, tasks, eps=8/255).components``.
        metrics: one accumulator a task, see :func:`~mt_torchattacks.evaluate`; its states have to be sums over images,
            as all of this library's and most of torchmetrics' are.
        goal: what is to be as bad as possible for the set: ``"arp"`` (average relative performance of all tasks), one
            metric as ``"segmentation/miou"``, ``"heads/all_wrong"`` or ``"heads/any_wrong"`` (shares of images on which
            all classification heads are wrong, or at least one is), or a function of the metrics ``{task: {metric:
            value}}`` whose value is higher the worse they are.
        device: where batches are moved to; by default to the model's first parameter.
        progress: whether to show progress bars.

    Raises:
        TypeError, KeyError, ValueError: as :func:`~mt_torchattacks.evaluate`; no attack, a loader whose order changes,
            an unknown goal, or a metric whose states are no sums.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> loader = [(torch.rand(4, 3, 8, 8), {"depth": torch.rand(4, 1, 8, 8)})]
        >>> attacks = {"dark": lambda images, targets: images * 0.5, "light": lambda images, targets: 1 - images * 0.5}
        >>> found = worst_case(model, tasks, loader, attacks, progress=False)
        >>> found.joint.harm >= max(found.joint.harms.values()), list(found.evaluation.attacked)
        (True, ['dark', 'light', 'worst case', 'envelope'])
    """
    checks.require(bool(attacks), "attacks", "at least one attack", "none")
    checks.keys(attacks, "attacks", ())
    for name in (CLEAN, WORST, ENVELOPE):
        checks.require(name not in attacks, "attacks", f"another name than {name!r}", repr(name))
    device = device_of(model) if device is None else torch.device(device)
    pool, seen, measured = Pool(tasks, metrics, device), dict[str, PooledImages](), dict[str, Measurements]()

    def run(name: str, attack: AttackFunction | None) -> None:
        own: dict[str, Any] = {"device": device, "per_sample": True, "progress": name if progress else None}
        seen[name] = PooledImages(pool)
        measured[name] = measure(model, tasks, loader, metrics, attack, watch=seen[name].add, **own)
        same = seen[name].marks == seen[CLEAN].marks
        checks.require(same, "loader", "the same images in the same order each time", f"others for attack {name!r}")

    run(CLEAN, None)
    ups = directions(tasks, metrics, measured[CLEAN].metrics)
    harm = _harm(goal, measured[CLEAN].metrics, ups, pool)  # before the attacks, which take long
    for name, attack in attacks.items():
        run(name, attack)
    return _verdicts(measured, seen, ups, harm)


def _harm(goal: str | Harm, clean: Metrics, ups: Mapping[str, Mapping[str, bool]], pool: Pool) -> Harm:
    if not isinstance(goal, str):
        checks.require(callable(goal), "goal", "a name or a function", checks.describe(goal), TypeError)
        return goal
    heads = {HEADS: {"all_wrong": False, "any_wrong": False}} if HEADS in pool.names else {}
    return relative_harm(clean, ups) if goal == "arp" else metric_harm(goal, {**ups, **heads})


def _verdicts(
    measured: Mapping[str, Measurements],
    seen: Mapping[str, PooledImages],
    ups: Mapping[str, Mapping[str, bool]],
    harm: Harm,
) -> WorstCaseEvaluation:
    """Both verdicts, from what was measured on clean images and under each attack."""
    start, clean = time.perf_counter(), measured[CLEAN]
    joint = select(seen, harm)
    by_task = {task: select(seen, relative_harm(clean.metrics, ups, [task]), [task]) for task in clean.metrics}
    attacked = {name: found for name, found in measured.items() if name != CLEAN}
    attacked[WORST] = _measurements(measured, dict.fromkeys(clean.metrics, joint))
    attacked[ENVELOPE] = _measurements(measured, by_task)
    evaluation = Evaluation(clean, attacked, {task: dict(up) for task, up in ups.items()})
    return WorstCaseEvaluation(evaluation, joint, by_task, dict(seen), time.perf_counter() - start)


def _measurements(measured: Mapping[str, Measurements], selections: Mapping[str, Selection]) -> Measurements:
    """What was measured on the chosen images: each task's metrics and losses by its own choice."""
    metrics = {task: selection.metrics[task] for task, selection in selections.items()}
    losses = {
        task: sum((measured[name].sample_losses or {})[task][i] for i, name in enumerate(selection.chosen))
        / len(selection.chosen)
        for task, selection in selections.items()
    }
    seconds = sum(found.seconds for found in measured.values())
    return Measurements(metrics, losses, seconds, measured[CLEAN].samples)
