"""The one loop that measures a model: on clean images, or on those that an attack makes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from tqdm import tqdm

from mt_torchattacks import checks
from mt_torchattacks.evaluation.fitting import Fitting
from mt_torchattacks.evaluation.result import Measurements
from mt_torchattacks.metrics import TaskError
from mt_torchattacks.models.inputs import other_inputs
from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Targets

AttackFunction: TypeAlias = Callable[[Tensor, Mapping[str, Tensor]], Tensor]
"""``(images, targets) -> adversarial images``: any attack, of this library or not."""


def measure(
    model: nn.Module,
    tasks: Tasks,
    loader: Iterable[tuple[Images, Targets]],
    metrics: Mapping[str, Metric] | None = None,
    attack: AttackFunction | None = None,
    *,
    device: torch.device | str | None = None,
    per_sample: bool = False,
    watch: Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], None] | None = None,
    progress: str | None = None,
) -> Measurements:
    """Metrics and losses of every task over a whole data set, in evaluation mode.

    Where a device has not enough memory for a batch, it and those after it are looked at in halves, with a warning.

    Args:
        model: the model to measure; afterwards each of its modules is in the mode it was in.
        tasks: its tasks; all are measured, whatever their roles.
        loader: batches ``(images, targets)``, images ``(N, ...)``; gone through once.
        metrics: one accumulator a task, which is not changed; a task without one gets the mean of its loss. See
            :func:`checked_metrics` for what fits.
        attack: makes the images that are measured; None measures the clean ones.
        device: where batches are moved to; by default to the model's first parameter.
        per_sample: also return every sample's losses.
        watch: is called with each batch's outputs and targets by task.
        progress: name of the progress bar over the batches; None shows none.

    Raises:
        TypeError, KeyError, ValueError: an argument, output or target does not fit, the loader is empty, or a metric is
            undefined because no pixel of the set is valid.

    Example:
        >>> import mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> loader = [(torch.rand(4, 3, 8, 8), {"depth": torch.rand(4, 1, 8, 8)})]
        >>> found = measure(model, tasks, loader, attack=lambda images, targets: images * 0.5)
        >>> found.samples, list(found.metrics["depth"])
        (4, ['error'])
    """
    device = device_of(model) if device is None else torch.device(device)
    errors = {task: TaskError(tasks[task].loss).to(device) for task in tasks}
    given = {task: meter.clone().to(device) for task, meter in checked_metrics(tasks, metrics).items()}
    for meter in given.values():
        meter.reset()
    every: dict[str, list[float]] = {task: [] for task in tasks}
    seconds, samples, fitting = 0.0, 0, Fitting()
    with modes_kept(model):
        model.eval()
        for images, targets in tqdm(loader, progress, unit="batch", leave=False, disable=None if progress else True):
            checks.keys(targets, "targets", tuple(tasks))
            others = other_inputs(model, targets)
            wanted = {task: targets[task] for task in tasks} | others
            wanted = {name: target.to(device) for name, target in wanted.items()}
            work = partial(_looked, model, tasks, attack, tuple(others))
            for (part, truth), (outputs, taken) in fitting(images.to(device), wanted, work):
                seconds += taken
                with torch.no_grad():
                    for task in tasks:
                        for meter in [errors[task], *([given[task]] if task in given else [])]:
                            _update(task, meter, outputs[task], truth[task])
                        if per_sample:
                            every[task] += tasks[task].loss(outputs[task], truth[task]).tolist()
                    if watch is not None:
                        watch(outputs, {task: truth[task] for task in tasks})
                samples += len(part)
    checks.require(samples > 0, "loader", "at least one batch", "none")
    found = {task: values_of(f"metrics[{task!r}]", (dict(errors) | given)[task]) for task in tasks}
    means = {task: values_of("losses", meter) if task in given else found[task] for task, meter in errors.items()}
    losses = {task: mean["error"] for task, mean in means.items()}
    return Measurements(found, losses, seconds, samples, every if per_sample else None)


def checked_metrics(tasks: Tasks, metrics: Mapping[str, Metric] | None) -> Mapping[str, Metric]:
    """The accumulators by task, none without any; a task without one gets the mean of its loss.

    Args:
        tasks: the tasks.
        metrics: accumulators of this library or of torchmetrics, by task. The result is a number, or a dict of numbers
            by name; a number is named after the accumulator's class. Whether higher is better is said by the attribute
            ``directions``, ``{name: bool}``, or, for all numbers of the accumulator, by torchmetrics'
            ``higher_is_better``.

    Raises:
        TypeError: something that is no ``torchmetrics.Metric``.
        ValueError: a metric of no task, or one that does not say whether higher is better.
    """
    metrics = metrics or {}
    checks.keys(metrics, "metrics", (), allowed=tuple(tasks))
    for task, meter in metrics.items():
        name = f"metrics[{task!r}]"
        checks.require(isinstance(meter, Metric), name, "a torchmetrics.Metric", checks.describe(meter), TypeError)
        says = getattr(meter, "directions", None) is not None or meter.higher_is_better is not None
        expected = "a metric that says whether higher is better, by higher_is_better or an attribute directions"
        checks.require(says, name, expected, f"{type(meter).__name__}, which does not")
    return metrics


def directions_of(meter: Metric, names: Iterable[str]) -> dict[str, bool]:
    """Whether higher is better, for each of an accumulator's numbers by name.

    Example:
        >>> from torchmetrics.classification import MulticlassAccuracy
        >>> directions_of(MulticlassAccuracy(10), ["MulticlassAccuracy"])
        {'MulticlassAccuracy': True}
    """
    stated: Mapping[str, bool] | None = getattr(meter, "directions", None)
    return dict.fromkeys(names, bool(meter.higher_is_better)) if stated is None else dict(stated)


def directions(
    tasks: Tasks, metrics: Mapping[str, Metric] | None, measured: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, bool]]:
    """Whether higher is better, ``{task: {metric: bool}}``, for the metrics that were measured."""
    given = checked_metrics(tasks, metrics)
    found = {task: directions_of(meter, measured[task]) for task, meter in given.items()}
    return {task: dict(TaskError.directions) for task in tasks} | found


def device_of(model: nn.Module) -> torch.device:
    """Where a model's first parameter is; the CPU if it has none."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def _update(task: str, meter: Metric, output: Tensor, target: Tensor) -> None:
    try:
        meter.update(output, target)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"task {task!r}: {error}") from error


def values_of(name: str, metric: Metric) -> dict[str, float]:
    """An accumulator's numbers by their names.

    Raises:
        ValueError: its result is neither a number nor a dict of numbers, or one of them is NaN or infinite.
    """
    found = metric.compute()
    named = found if isinstance(found, Mapping) else {type(metric).__name__: found}
    for key, value in named.items():
        single = isinstance(value, (int, float)) or (isinstance(value, Tensor) and value.numel() == 1)
        shown = f"{checks.describe(value)} for {key!r}"
        checks.require(single, name, "a number, or a dict of numbers", shown)
    values = {str(key): float(value) for key, value in named.items()}
    checks.finite(torch.tensor(list(values.values())), name)
    return values


def _looked(
    model: nn.Module,
    tasks: Tasks,
    attack: AttackFunction | None,
    others: tuple[str, ...],
    images: Images,
    targets: Targets,
) -> tuple[Mapping[str, Tensor], float]:
    """What a model says of images, attacked if there is an attack, and the seconds that this took.

    Args:
        model, tasks, attack: of the measurement.
        others: names of those targets that are further inputs of the model.
        images, targets: a batch on the model's device.
    """
    seconds = 0.0
    if attack is not None:
        images, seconds = _timed(attack, images, targets)
    with torch.no_grad():
        return tasks.by_task(model(images, **{name: targets[name] for name in others})), seconds


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
