"""The sets of attacks that a verdict rests on: for all tasks, and for one head of classes, labels or numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.attacks.acg import ACG
from mt_torchattacks.attacks.apgd import APGD
from mt_torchattacks.attacks.host.attack import MultiTaskAttack
from mt_torchattacks.attacks.padam import PAdam
from mt_torchattacks.attacks.square import Square
from mt_torchattacks.attacks.worst_case import WorstCase
from mt_torchattacks.evaluation.budget import Budgeted
from mt_torchattacks.evaluation.measure import AttackFunction
from mt_torchattacks.evaluation.specs import with_errors
from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.tasks import Tasks, error_tasks, losses
from mt_torchattacks.types import Images, Targets

MEMBERS = ("standard", "fast")


def standard_attacks(
    model: nn.Module,
    tasks: Tasks,
    *,
    members: str = "standard",
    eps: float = 8 / 255,
    norm: str = "Linf",
    steps: int = 20,
    n_queries: int = 500,
    seed: int = 0,
) -> dict[str, MultiTaskAttack]:
    """The attacks of a reliable evaluation, by name; there is nothing to tune but the budget.

    ``"standard"``: those of :class:`~mt_torchattacks.WorstCase`, Auto-PGD under ``max_min``, and ACG under ``dgba``,
    ``max_min`` and ``relative``; on the losses, and where each task has one on their errors as metrics count them.
    ``"fast"``: ACG under ``dgba`` and ``max_min`` on the errors, a pair that does nearly what all do together
    (``mt-attack members``), at a twentieth of the passes; where a task has no error, on the losses.

    Args:
        model: the model.
        tasks: its tasks.
        members: ``"standard"`` or ``"fast"``.
        eps, norm, steps, n_queries, seed: see :func:`~mt_torchattacks.benchmark`.

    Raises:
        ValueError: other members, or an argument of an attack that does not fit.

    Example:
        >>> import mt_torchattacks as mta
        >>> list(standard_attacks(mta.models.zoo("rooms3/all-shared"), mta.standard_tasks(["depth"]), members="fast"))
        ['acg/dgba on errors', 'acg/max_min on errors']
    """
    checks.one_of(members, "members", MEMBERS)
    same: dict[str, Any] = {"norm": norm, "eps": eps, "steps": steps, "seed": seed}
    found: dict[str, MultiTaskAttack] = {}
    suffix = ""
    for suffix, those in _objectives(tasks):
        first, *rest = WorstCase(model, those, n_queries=n_queries, **same).components.items()
        least = APGD(model, those, "max_min", **same)
        conjugate = [(f"acg/{rule}", ACG(model, those, rule, **same)) for rule in ("dgba", "max_min", "relative")]
        found |= {f"{name}{suffix}": attack for name, attack in (first, ("apgd/max_min", least), *rest, *conjugate)}
    fast = (f"acg/dgba{suffix}", f"acg/max_min{suffix}")  # on the errors, which come last
    return found if members == "standard" else {name: found[name] for name in fast}


def _objectives(tasks: Tasks) -> Iterator[tuple[str, Tasks]]:
    """What the set attacks: the losses, and the errors that metrics count, where each task has one."""
    yield "", tasks
    try:
        errors = with_errors(tasks)
    except ValueError:
        return
    yield " on errors", errors


def class_attacks(
    model: nn.Module,
    head: str,
    eps: float,
    *,
    steps: int = 100,
    goals: int = 9,
    queries: int = 2000,
    norm: str = "Linf",
    seed: int = 0,
) -> list[AttackFunction]:
    """Strong attacks on one classification head, cheapest first, for a :class:`~mt_torchattacks.evaluation.Cascade`.

    APGD on the cross-entropy, on the difference of logits ratio (DLR) and on the margin, each of ``steps`` steps; on
    the targeted DLR towards each of the ``goals`` likeliest wrong classes, with half as many steps; Square on the
    margin. On adversarially trained nets this has left at most as many images right as AutoAttack's standard version,
    at two thirds of its passes (``benchmarks/autoattack.py``). There are no parameters but the budget.

    Args:
        model: the model; the head's output is ``(N, K)`` scores, K >= 4.
        head: the task's name.
        eps: radius > 0, in pixel values.
        steps: of the untargeted parts.
        goals: wrong classes that are aimed at, K - 1 at most.
        queries: of Square.
        norm: ``"Linf"`` or ``"L2"``.
        seed: of the random starts.
    """
    single = f"single:{head}"
    budget = {"norm": norm, "eps": eps, "seed": seed}
    found: list[AttackFunction] = [
        APGD(model, Tasks({head: loss}), single, steps=steps, **budget)
        for loss in (losses.CrossEntropy(), losses.DLR(), losses.Margin())
    ]
    towards = APGD(model, Tasks({head: losses.TargetedDLR()}), single, steps=max(1, steps // 2), **budget)
    found += [Towards(towards, head, rank) for rank in range(1, goals + 1)]
    return [*found, Square(model, Tasks({head: losses.Margin()}), single, n_queries=queries, stop_at=0.0, **budget)]


class Towards:
    """A targeted attack with a loss of (label, goal), aimed at a wrong class by its rank on the clean image.

    Args:
        attack: an attack on one head, whose target is ``(N, 2)``: label and goal.
        head: the task's name.
        rank: 1 for the likeliest wrong class; samples with fewer classes get the least likely one.
    """

    def __init__(self, attack: APGD, head: str, rank: int) -> None:
        self.attack, self.head, self.rank = attack, head, rank

    def __call__(self, images: Images, targets: Targets) -> Tensor:
        """Adversarial images for labels ``(N,)``."""
        model, tasks, labels = self.attack.model, self.attack.tasks, targets[self.head]
        with torch.no_grad(), modes_kept(model):
            model.eval()
            scores = tasks.by_task(model(images))[self.head]
        order = scores.scatter(1, labels[:, None], -torch.inf).argsort(dim=1, descending=True)
        goal = order[:, min(self.rank, scores.shape[1] - 1) - 1]
        return self.attack(images, {self.head: torch.stack([labels, goal], dim=1)})


def segmentation_attacks(
    model: nn.Module,
    task: str,
    eps: float,
    *,
    steps: int = 300,
    weight: Tensor | None = None,
    ignore_index: int = 255,
    norm: str = "Linf",
) -> dict[str, AttackFunction]:
    """Strong attacks on one segmentation head, by name, for :func:`~mt_torchattacks.worst_case`.

    Each is Auto-PGD on a loss that says which pixels to follow, and keeps each image's iterate with the fewest right
    pixels: the Jensen-Shannon divergence, within radii that shrink; the cross-entropy with CosPGD's weighting; and
    that with class weights, which breaks rare classes, within radii that shrink. ``benchmarks/sea.py``
    compares them with SEA (Croce, Singh and Hein, ECCV 2024, https://arxiv.org/abs/2306.12941) at the same number of
    passes. There are no parameters but the budget.

    Args:
        model: the model; the task's output is ``(N, K, H, W)`` scores.
        task: the task's name.
        eps: radius > 0, in pixel values.
        steps: of each attack; 300 is SEA's budget.
        weight: ``(K,)`` weights of the classes that are higher for rare ones, such as the inverse numbers of their
            pixels; without them the mean intersection over union, in which each class counts the same, falls less.
        ignore_index: label that does not count.
        norm: ``"Linf"`` or ``"L2"``.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model, images = mta.models.zoo("rooms3/all-shared"), torch.rand(1, 3, 64, 64)
        >>> attacks = segmentation_attacks(model, "segmentation", eps=8 / 255, steps=5)
        >>> {name: tuple(attack(images, {"segmentation": torch.zeros(1, 64, 64, dtype=torch.long)}).shape)
        ...  for name, attack in attacks.items()}
        {'jensen_shannon': (1, 3, 64, 64), 'cos': (1, 3, 64, 64), 'balanced': (1, 3, 64, 64)}
    """
    counted: dict[str, Any] = {"ignore_index": ignore_index}
    single = f"single:{task}"
    judge = Tasks({task: losses.ErrorRate(**counted)})

    def member(loss: losses.Loss, radii: str) -> AttackFunction:
        tasks = Tasks({task: loss})
        options: dict[str, Any] = {"norm": norm, "eps": eps, "steps": steps, "random_start": False, "radii": radii}
        return Budgeted(APGD(model, tasks, single, **options), model, judge, eps=eps, norm=norm, balance=single)

    return {
        "jensen_shannon": member(losses.JensenShannon(**counted), "reduced"),
        "cos": member(losses.CosPGD(losses.CrossEntropy(**counted)), "constant"),
        "balanced": member(losses.CosPGD(losses.CrossEntropy(weight=weight, **counted)), "reduced"),
    }


def regression_attacks(
    model: nn.Module,
    task: str,
    eps: float,
    *,
    error: losses.Loss | None = None,
    steps: int = 100,
    norm: str = "Linf",
    seed: int = 0,
) -> dict[str, AttackFunction]:
    """Strong attacks on one head of numbers, as depth or normals, by name, for :func:`~mt_torchattacks.worst_case`.

    Auto-PGD and projected Adam, both on the error as the metric counts it: losses that models are trained with follow
    other pixels than those that raise it. ``benchmarks/regression.py`` compares them with PGD, CosPGD, Auto-PGD and
    projected Adam on the training loss. Who can pay for one attack only takes the first. There are no parameters but
    the budget.

    Args:
        model: the model.
        task: the task's name.
        eps: radius > 0, in pixel values.
        error: what is to rise, as the metric counts it; by default that of the task's kind
            (:func:`~mt_torchattacks.error_tasks`).
        steps: of each attack.
        norm: ``"Linf"`` or ``"L2"``.
        seed: of the random starts.

    Raises:
        ValueError: no ``error``, and a task that is none of the data sets'.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model, images = mta.models.zoo("rooms3/all-shared"), torch.rand(1, 3, 64, 64)
        >>> attacks = regression_attacks(model, "depth", eps=8 / 255, steps=5)
        >>> {name: tuple(attack(images, {"depth": torch.ones(1, 1, 64, 64)}).shape) for name, attack in attacks.items()}
        {'apgd': (1, 3, 64, 64), 'padam': (1, 3, 64, 64)}
    """
    tasks = error_tasks([task]) if error is None else Tasks({task: error})
    options: dict[str, Any] = {"norm": norm, "eps": eps, "steps": steps, "seed": seed}
    single = f"single:{task}"
    return {
        "apgd": APGD(model, tasks, single, **options),
        "padam": PAdam(model, tasks, single, alpha=eps / 4, **options),
    }
