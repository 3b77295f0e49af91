"""The direction that a rule takes, from the graph of the losses."""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.balancing.base import GradientRule, GramianRule, LossRule, Rule


def weighted_sum(rule: LossRule, losses: Tensor, clean: Tensor) -> Tensor:
    """``sum_i w_i L_i``, ``(N,)``, with the rule's weights held fixed.

    Args:
        rule: a rule whose weights follow from the losses.
        losses: ``(N, T)`` signed losses.
        clean: ``(N, T)`` signed losses at the clean image.

    Raises:
        ValueError: the rule gave weights of another shape.
    """
    return (_checked(rule.weights(losses.detach(), clean), losses) * losses).sum(dim=1)


def direction(rule: Rule, losses: Tensor, clean: Tensor, x: Tensor) -> Tensor:
    """The rule's direction at x, ``(N, ...)``, detached; the losses' graph stays usable.

    Args:
        rule: of any family.
        losses: ``(N, T)`` signed losses at x.
        clean: ``(N, T)`` signed losses at the clean image.
        x: ``(N, ...)``, in the losses' graph.

    Raises:
        ValueError: the rule gave weights or a direction of another shape.
    """
    if isinstance(rule, LossRule):
        return torch.autograd.grad(weighted_sum(rule, losses, clean).sum(), x, retain_graph=True)[0]
    gradients = separate_gradients(losses, x)
    if isinstance(rule, GramianRule):
        flat = gradients.flatten(2)
        weights = _checked(rule.weights(flat @ flat.mT), losses)
        return (weights.unsqueeze(2) * flat).sum(dim=1).reshape(x.shape)
    assert isinstance(rule, GradientRule)
    found = rule.direction(gradients)
    checks.require(found.shape == x.shape, "direction", f"shape {tuple(x.shape)}", checks.describe(found))
    return found.detach()


def separate_gradients(losses: Tensor, x: Tensor) -> Tensor:
    """Gradient of each column: ``losses (N, T), x (N, ...) -> (N, T, ...)``, T backward passes."""
    columns = [torch.autograd.grad(loss.sum(), x, retain_graph=True)[0] for loss in losses.unbind(dim=1)]
    return torch.stack(columns, dim=1)


def _checked(weights: Tensor, losses: Tensor) -> Tensor:
    expected = f"one weight a sample and task, {tuple(losses.shape)}"
    checks.require(weights.shape == losses.shape, "weights", expected, checks.describe(weights))
    return weights.detach()
