"""Losses of the differences between class scores, whose gradients do not vanish for confident models.

They change their sign where the decision does. A rule that divides by a loss (dgba, relative, wgd) takes it for a size,
so with these it means nothing: its weights are largest just where a label's decision turns. Use rules that do not
divide by losses (total, weighted, normalized, sign_total), or
:class:`~mt_torchattacks.tasks.losses.cross_entropy.CrossEntropy`, whose logarithm does not vanish either. They have no
logarithm, as they may be negative.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks.tasks.losses.labels import LabelLoss

_NONE = 1e-12  # added to the difference that a ratio divides by, as in the authors' code


def _score(scores: Tensor, label: Tensor) -> Tensor:
    """The labels' scores: ``(N, K, ...), (N, ...) -> (N, ...)``."""
    return scores.gather(1, label.unsqueeze(1)).squeeze(1)


def _best_other(scores: Tensor, label: Tensor) -> Tensor:
    """The highest score of a class other than the label's."""
    return scores.scatter(1, label.unsqueeze(1), -torch.inf).amax(1)


class Margin(LabelLoss):
    """The highest score of a wrong class minus the true class's (Carlini and Wagner 2017), mean over a sample's labels.

    Below 0 where the label is predicted, above 0 where it is not; it crosses 0 there, so it is not for rules that
    divide by a loss (dgba, relative, wgd), and has no logarithm. As the loss of a task with ``role="target"`` it is,
    before their clipping at a confidence, the objective f6 of their targeted attack (section V.A).

    Args:
        ignore_index, class_dim, valid, resize: see :class:`~mt_torchattacks.tasks.losses.labels.LabelLoss`.

    Shape:
        output ``(N, K)`` with target ``(N,)`` int64, or ``(N, K, ...)`` with ``(N, ...)``, K >= 2; with
        ``class_dim=-1`` output ``(N, ..., K)``; returns ``(N,)``, in (-inf, inf), in the scores' unit.

    Example:
        >>> Margin()(torch.tensor([[5.0, 1.0, 2.0], [5.0, 1.0, 2.0]]), torch.tensor([0, 1]))
        tensor([-3., 4.])
    """

    least_classes = 2

    def per_label(self, output: Tensor, target: Tensor) -> Tensor:
        return _best_other(output, target) - _score(output, target)


class DLR(LabelLoss):
    """Difference of logits ratio (Croce and Hein 2020): the margin over the top score's lead on the third.

    In [-1, 0] where the label is predicted, above 0 where it is not, and the same for scores that are multiplied by a
    number or shifted by one. It crosses 0 where the decision turns, so it is not for rules that divide by a loss
    (dgba, relative, wgd), and has no logarithm.

    Args:
        ignore_index, class_dim, valid, resize: see :class:`~mt_torchattacks.tasks.losses.labels.LabelLoss`.

    Shape:
        output ``(N, K)`` with target ``(N,)`` int64, or ``(N, K, ...)`` with ``(N, ...)``, K >= 3; with
        ``class_dim=-1`` output ``(N, ..., K)``; returns ``(N,)``, in [-1, inf).

    Example:
        >>> DLR()(torch.tensor([[5.0, 1.0, 2.0], [5.0, 1.0, 2.0]]), torch.tensor([0, 2]))
        tensor([-0.7500, 0.7500])
    """

    least_classes = 3

    def per_label(self, output: Tensor, target: Tensor) -> Tensor:
        top = output.topk(3, dim=1).values
        return (_best_other(output, target) - _score(output, target)) / (top[:, 0] - top[:, 2] + _NONE)


class TargetedDLR(LabelLoss):
    """The targeted difference of logits ratio (Croce and Hein 2020): from the true class to a class of choice.

    ``(z_goal - z_true) / (z_1 - (z_3 + z_4) / 2)`` with z_1 >= z_2 >= ... the sorted scores. It is **raised**, with the
    role ``"attack"``, to move a label from its true class to the goal: a target names both. Below 0 where the true
    class leads the goal, above 0 where the goal leads, so it is not for rules that divide by a loss (dgba, relative,
    wgd), and has no logarithm.

    Args:
        ignore_index: a label does not count where its true class or its goal is this.
        class_dim, valid, resize: see :class:`~mt_torchattacks.tasks.losses.labels.LabelLoss`. The target has its pairs
            along dimension 1 whatever ``class_dim`` is.

    Shape:
        output ``(N, K)`` with target ``(N, 2)`` int64, each row (true class, goal), or ``(N, K, ...)`` with
        ``(N, 2, ...)``, K >= 4; with ``class_dim=-1`` output ``(N, ..., K)``; returns ``(N,)``, in (-inf, inf).

    Example:
        >>> TargetedDLR()(torch.tensor([[5.0, 1.0, 2.0, 0.0]]), torch.tensor([[0, 2]]))  # (2 - 5) / (5 - 0.5)
        tensor([-0.6667])
    """

    least_classes = 4

    def per_label(self, output: Tensor, target: Tensor) -> Tensor:
        true, goal = target.unbind(1)
        top = output.topk(4, dim=1).values
        scale = top[:, 0] - 0.5 * top[:, 2] - 0.5 * top[:, 3] + _NONE
        return (_score(output, goal) - _score(output, true)) / scale

    def mask(self, target: Tensor) -> Tensor:
        return super().mask(target).all(dim=1, keepdim=True)

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        assert mask is not None
        pairs = torch.where(mask, target, 0)
        return torch.where(mask.squeeze(1), self.per_label(output, pairs), 0), mask.squeeze(1)

    def target_shape(self, output: Tensor) -> tuple[int, ...]:
        return (output.shape[0], 2, *output.shape[2:])
