"""Attacks one after another, each on what the ones before have left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.attacks.apgd import APGD
from mt_torchattacks.attacks.square import Square
from mt_torchattacks.evaluation.measure import AttackFunction
from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.tasks import Tasks, losses
from mt_torchattacks.types import Images, Targets

Broken: TypeAlias = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor]
"""``(outputs by task, targets by task) -> (N,)`` bool: whether there is nothing left to attack."""


class Cascade:
    """An attack that runs several, each on the samples that none before it has broken, and skips those that are broken.

    That is how AutoAttack (Croce and Hein, 2020, https://arxiv.org/abs/2003.01690) joins its parts: strong attacks come
    first, expensive ones last. Where harm is a number and not a yes or no, take :func:`~mt_torchattacks.worst_case`.

    Args:
        model: images to outputs by task.
        tasks: its tasks, to find their outputs.
        attacks: ``(images, targets) -> adversarial images``, of this library or not.
        broken: whether a sample is broken, see :func:`wrong`.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> data, model = mta.data.TwoDigits(8), mta.models.two_digits.trained(images=256, epochs=2)
        >>> tasks = mta.Tasks(left=mta.losses.CrossEntropy(), right=mta.losses.CrossEntropy())
        >>> attacks = class_attacks(model, "left", eps=32 / 255, steps=5, queries=20)
        >>> attack = Cascade(model, tasks, attacks, wrong("left"))
        >>> attack(data.images, data.targets).shape
        torch.Size([8, 1, 12, 12])
    """

    def __init__(self, model: nn.Module, tasks: Tasks, attacks: Sequence[AttackFunction], broken: Broken) -> None:
        checks.require(len(attacks) > 0, "attacks", "at least one attack", "none")
        self.model, self.tasks, self.attacks, self.broken = model, tasks, list(attacks), broken

    def __call__(self, images: Images, targets: Targets) -> Tensor:
        """Adversarial images: of each sample those of the first attack that broke it, or the clean one."""
        found = images.clone()
        left = (~self._broken(images, targets)).nonzero()[:, 0]
        for attack in self.attacks:
            if len(left) == 0:
                break
            part = {name: target[left] for name, target in targets.items()}
            adversarial = attack(images[left], part)
            now = self._broken(adversarial, part)
            found[left[now]] = adversarial[now].to(found.dtype)
            left = left[~now]
        return found

    def _broken(self, images: Images, targets: Targets) -> Tensor:
        with torch.no_grad(), modes_kept(self.model):
            self.model.eval()
            return self.broken(self.tasks.by_task(self.model(images)), targets)


def wrong(*heads: str) -> Broken:
    """Whether any of some classification heads, with outputs ``(N, K)`` and labels ``(N,)``, predicts another class.

    Example:
        >>> outputs = {"a": torch.eye(2), "b": torch.eye(2)}
        >>> wrong("a", "b")(outputs, {"a": torch.tensor([0, 1]), "b": torch.tensor([0, 0])})
        tensor([False,  True])
    """

    def broken(outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        each = [outputs[head].argmax(dim=1) != targets[head] for head in heads]
        return torch.stack(each).any(dim=0)

    return broken


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
    """Strong attacks on one classification head, the cheapest first, for a :class:`Cascade`.

    APGD on the cross-entropy, on the difference of logits ratio (DLR) and on the margin, each of ``steps`` steps; on
    the targeted DLR towards each of the ``goals`` likeliest wrong classes, with half as many steps; Square on the
    margin. On adversarially trained nets this has left at most as many images right as AutoAttack's standard version,
    at two thirds of its passes (``benchmarks/autoattack.py``). There are no parameters but the budget.

    Args:
        model: the model; the head's output is ``(N, K)`` scores, K >= 4.
        head: the task's name.
        eps: radius.
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
