"""Attacks one after another, each on what the ones before have left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.evaluation.measure import AttackFunction
from mt_torchattacks.models.state import modes_kept
from mt_torchattacks.tasks import Tasks
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
        >>> attacks = mta.evaluation.class_attacks(model, "left", eps=32 / 255, steps=5, queries=20)
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
