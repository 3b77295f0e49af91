"""The direction that a rule takes, from the graph of the losses."""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.balancing.base import GradientRule, GramianRule, LossRule, Rule
from mt_torchattacks.geometry.shape import spread
from mt_torchattacks.objective.losses import Losses


def weighted_sum(rule: LossRule, losses: Losses, reference: Tensor) -> Tensor:
    """What has ``sum_i w_i grad L_i`` for its gradient, ``(N,)``, with the rule's weights held fixed.

    Args:
        rule: a rule whose weights follow from the losses.
        losses: signed losses ``(N, T)``.
        reference: ``(N, T)`` signed losses that relative increases refer to.

    Raises:
        ValueError: the rule gave weights of another shape.
    """
    weights = checked_weights(rule.weights(losses.values, reference), losses)
    return (losses.scaled(weights) * losses.handles).sum(dim=1)


def direction(rule: Rule, losses: Losses, reference: Tensor, x: Tensor) -> Tensor:
    """The rule's direction at x, ``(N, ...)``, detached; the losses' graph stays usable.

    Args:
        rule: of any family.
        losses: signed losses ``(N, T)`` at x.
        reference: ``(N, T)`` signed losses that relative increases refer to.
        x: ``(N, ...)``, in the losses' graph.

    Raises:
        ValueError: the rule gave weights or a direction of another shape.
    """
    if isinstance(rule, LossRule):
        return torch.autograd.grad(weighted_sum(rule, losses, reference).sum(), x, retain_graph=True)[0]
    gradients = task_gradients(losses, x, scale=not rule.scale_free)
    if isinstance(rule, GramianRule):
        flat = gradients.flatten(2)
        weights = checked_weights(rule.weights(flat @ flat.mT), losses)
        return (weights.unsqueeze(2) * flat).sum(dim=1).reshape(x.shape)
    assert isinstance(rule, GradientRule)
    found = rule.direction(gradients)
    checks.require(found.shape == x.shape, "direction", f"shape {tuple(x.shape)}", checks.describe(found))
    return found.detach()


def task_gradients(losses: Losses, x: Tensor, *, scale: bool = True) -> Tensor:
    """Gradient of each task's signed loss, ``(N, T, ...)``; T backward passes.

    Args:
        losses: at x.
        x: ``(N, ...)``, in the losses' graph.
        scale: give small losses' gradients their length; without it, only their direction, for rules that look at no
            more.
    """
    gradients = separate_gradients(losses.handles, x)
    if losses.slopes is None:
        return gradients
    return gradients * spread(losses.scaled() if scale else losses.slopes.sign().to(gradients), x)


def separate_gradients(losses: Tensor, x: Tensor) -> Tensor:
    """Gradient of each column: ``losses (N, T), x (N, ...) -> (N, T, ...)``, T backward passes."""
    columns = [torch.autograd.grad(loss.sum(), x, retain_graph=True)[0] for loss in losses.unbind(dim=1)]
    return torch.stack(columns, dim=1)


def checked_weights(weights: Tensor, losses: Losses) -> Tensor:
    """A rule's weights, detached, if their shape is the losses'."""
    shape = losses.values.shape
    expected = f"one weight a sample and task, {tuple(shape)}"
    checks.require(weights.shape == shape, "weights", expected, checks.describe(weights))
    return weights.detach()
