"""Evaluate a model on clean images and under any number of attacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import nn
from torchmetrics import Metric
from tqdm import tqdm

from mt_torchattacks import checks
from mt_torchattacks.evaluation.measure import AttackFunction, directions, measure
from mt_torchattacks.evaluation.result import Evaluation
from mt_torchattacks.tasks import Tasks
from mt_torchattacks.types import Images, Targets


def evaluate(
    model: nn.Module,
    tasks: Tasks,
    loader: Iterable[tuple[Images, Targets]],
    attacks: Mapping[str, AttackFunction] | None = None,
    metrics: Mapping[str, Metric] | None = None,
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
        loader: batches ``(images, targets)``, images ``(N, C, H, W)`` or other inputs ``(N, ...)``; it is gone through
            once for the clean images and once for each attack.
        attacks: the attacks by name; without any, the clean images alone are measured. ``report`` reads names of the
            form ``attack/rule/eps`` ("apgd/dgba/8").
        metrics: one accumulator a task, which is not changed: of this library, or any ``torchmetrics.Metric`` that
            takes ``(output, target)``, whose result is a number or a dict of numbers and which says whether higher is
            better (``higher_is_better``, or an attribute ``directions``, ``{name: bool}``). A task without one gets the
            mean of its loss.
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
    wanted = "a mapping of names to attacks, as {'pgd/dgba/8': attack}"
    named = attacks is None or isinstance(attacks, Mapping)
    checks.require(named, "attacks", wanted, checks.describe(attacks), TypeError)
    clean = measure(model, tasks, loader, metrics, device=device, progress="clean" if progress else None)
    attacked = {}
    for name, attack in tqdm((attacks or {}).items(), "attacks", unit="attack", disable=None if progress else True):
        label = name if progress else None
        found = measure(model, tasks, loader, metrics, attack, device=device, progress=label)
        same = found.samples == clean.samples
        checks.require(same, "loader", f"{clean.samples} images each time", f"{found.samples} for attack {name!r}")
        attacked[name] = found
    return Evaluation(clean, attacked, directions(tasks, metrics, clean.metrics))
