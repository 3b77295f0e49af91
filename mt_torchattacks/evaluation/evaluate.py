"""Evaluate a model on clean images and under any number of attacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from tqdm import tqdm

from mt_torchattacks import checks
from mt_torchattacks.evaluation.result import Evaluation, Measurements
from mt_torchattacks.metrics import TaskError, TaskMetrics
from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.tasks.outputs import outputs_by_task
from mt_torchattacks.types import Images, Targets

AttackFunction: TypeAlias = Callable[[Tensor, Mapping[str, Tensor]], Tensor]
"""``(images, targets) -> adversarial images``: any attack, of this library or not."""


def evaluate(
    model: nn.Module,
    tasks: Tasks,
    loader: Iterable[tuple[Images, Targets]],
    attacks: Mapping[str, AttackFunction] | None = None,
    metrics: Mapping[str, TaskMetrics] | None = None,
    *,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> Evaluation:
    """Metrics and losses of every task on clean images and under each attack, over a whole data set.

    The model is evaluated in eval mode; afterwards each of its modules is in the mode it was in. With several
    processes (``torch.distributed``) metrics and losses are of all their images, seconds and samples each one's own.

    Args:
        model: the model to evaluate; not necessarily the one that the attacks use.
        tasks: its tasks; all are evaluated, whatever their roles.
        loader: batches ``(images, targets)``, images ``(N, C, H, W)`` in [0, 1]; it is gone through once for the clean
            images and once for each attack.
        attacks: the attacks by name; without any, the clean images alone are measured. ``report`` reads names of the
            form ``attack/rule/eps`` ("apgd/dgba/8").
        metrics: one accumulator a task, which is not changed; a task without one gets the mean of its loss.
        device: where batches are moved to; by default to the model's first parameter.
        progress: whether to show progress bars.

    Raises:
        TypeError, KeyError, ValueError: an argument, output or target does not fit, the loader is empty or gives
            another number of images the second time, or a metric is undefined because no pixel of the set is valid.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> loader = [(torch.rand(4, 3, 8, 8), {"depth": torch.rand(4, 1, 8, 8)})]
        >>> attacks = {"dark": lambda images, targets: images * 0.5}
        >>> evaluation = evaluate(model, tasks, loader, attacks, progress=False)
        >>> evaluation.attacked["dark"].metrics.keys(), evaluation.clean.samples
        (dict_keys(['depth']), 4)
    """
    checks.require(isinstance(tasks, Tasks), "tasks", "mta.Tasks(...)", checks.describe(tasks), TypeError)
    checks.keys(metrics or {}, "metrics", (), allowed=tuple(tasks))
    meters = {task: (metrics or {}).get(task) or TaskError(tasks[task].loss) for task in tasks}
    where = torch.device(device) if device is not None else device_of(model)

    def scores(name: str, attack: AttackFunction | None) -> Measurements:
        batches = tqdm(loader, desc=name, unit="batch", leave=False, disable=None if progress else True)
        return _scores(model, tasks, batches, attack, meters, where)

    with modes_kept(model):
        model.eval()
        clean = scores("clean", None)
        bar = tqdm((attacks or {}).items(), desc="attacks", unit="attack", disable=None if progress else True)
        attacked = {name: scores(name, attack) for name, attack in bar}
    for name, found in attacked.items():
        same = found.samples == clean.samples
        checks.require(same, "loader", f"{clean.samples} images each time", f"{found.samples} for attack {name!r}")
    return Evaluation(clean, attacked, {task: dict(meter.directions) for task, meter in meters.items()})


def _scores(
    model: nn.Module,
    tasks: Tasks,
    batches: Iterable[tuple[Images, Targets]],
    attack: AttackFunction | None,
    meters: Mapping[str, TaskMetrics],
    device: torch.device,
) -> Measurements:
    metrics = {task: meter.clone().to(device) for task, meter in meters.items()}
    losses = {task: TaskError(tasks[task].loss).to(device) for task in tasks}
    for metric in metrics.values():
        metric.reset()
    seconds, samples = 0.0, 0
    for images, targets in batches:
        checks.keys(targets, "targets", tuple(tasks))
        images, targets = images.to(device), {task: targets[task].to(device) for task in tasks}
        if attack is not None:
            images, taken = _timed(attack, images, targets)
            seconds += taken
        with torch.no_grad():
            outputs = outputs_by_task(model(images), tuple(tasks))
            for task in tasks:
                for meter in (losses[task], metrics[task]):
                    _update(task, meter, outputs[task], targets[task])
        samples += len(images)
    checks.require(samples > 0, "loader", "at least one batch", "none")
    found = {task: _values(f"metrics[{task!r}]", metric) for task, metric in metrics.items()}
    return Measurements(
        found, {task: _values("losses", loss)["error"] for task, loss in losses.items()}, seconds, samples
    )


def _update(task: str, meter: Metric, output: Tensor, target: Tensor) -> None:
    try:
        meter.update(output, target)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"task {task!r}: {error}") from error


def _values(name: str, metric: Metric) -> dict[str, float]:
    values = {key: float(value) for key, value in metric.compute().items()}
    checks.finite(torch.tensor(list(values.values())), name)
    return values


def _timed(attack: AttackFunction, images: Images, targets: Targets) -> tuple[Tensor, float]:
    if images.is_cuda:
        torch.cuda.synchronize(images.device)
    start = time.perf_counter()
    adversarial = attack(images, targets)
    wanted = f"images of shape {tuple(images.shape)} from the attack"
    fits = isinstance(adversarial, Tensor) and adversarial.shape == images.shape
    checks.require(fits, "attacks", wanted, checks.describe(adversarial))
    if adversarial.is_cuda:
        torch.cuda.synchronize(adversarial.device)
    return adversarial.to(images.device), time.perf_counter() - start


def replay(batches: Iterable[Tensor]) -> AttackFunction:
    """An attack that was made before: it gives these images ``(N, C, H, W)``, batch after batch."""
    left = iter(batches)

    def shown(images: Images, targets: Targets) -> Tensor:
        return next(left)

    return shown


def device_of(model: nn.Module) -> torch.device:
    """Where a model's first parameter is; the CPU if it has none."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
