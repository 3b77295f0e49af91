"""Strong attacks on a segmentation head: the members of a reliable evaluation."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mt_torchattacks.attacks.apgd import APGD
from mt_torchattacks.evaluation.budget import Budgeted
from mt_torchattacks.evaluation.measure import AttackFunction
from mt_torchattacks.tasks import Tasks, losses


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
        eps: radius.
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
