"""Logarithms of losses, computed from scores: finite and with their exact gradient however confident a model is."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_LINEAR = 40.0  # log softplus(-m) is -m to the last digit of float64 beyond it, and softplus(m) is m


def rows(values: Tensor) -> Tensor:
    """The values of each sample in a row: ``(N, ...)``, or ``(N,)``, to ``(N, M)``."""
    return values.flatten(1) if values.ndim > 1 else values.unsqueeze(1)


def log_or_nothing(values: Tensor) -> Tensor:
    """Logarithm where a value is > 0; -inf, without a gradient, elsewhere.

    Example:
        >>> log_or_nothing(torch.tensor([1.0, 0.0]))
        tensor([0., -inf])
    """
    return only(torch.where(values > 0, values, 1).log(), values > 0)


def only(logarithms: Tensor, counted: Tensor | None) -> Tensor:
    """The logarithms of what counts; -inf, without a gradient, elsewhere."""
    return logarithms if counted is None else torch.where(counted, logarithms, -torch.inf)


def log_softplus(margin: Tensor) -> Tensor:
    """``log log(1 + exp(m))``, the logarithm of a cross-entropy whose wrong classes lead by the margin ``m``.

    It tends to ``m`` for confident scores (``m`` far below 0) and to ``log m`` for those far above.

    Example:
        >>> log_softplus(torch.tensor([-200.0, 0.0, 200.0]))
        tensor([-200.0000, -0.3665, 5.2983])
    """
    confident = margin < -_LINEAR
    return torch.where(confident, margin, F.softplus(torch.where(confident, 0, margin), threshold=_LINEAR).log())


def log_odds_against(scores: Tensor, label: Tensor) -> Tensor:
    """``log((1 - p) / p)`` of the label's probability p: the other classes' log-sum-exp minus the label's score.

    Args:
        scores: ``(N, K, ...)``.
        label: ``(N, ...)`` int64, in [0, K).

    Returns:
        ``(N, ...)``; -inf without a gradient where there is no other class.

    Example:
        >>> log_odds_against(torch.tensor([[100.0, 0.0]]), torch.tensor([0]))
        tensor([-100.])
    """
    label, lowest = label.unsqueeze(1), torch.finfo(scores.dtype).min
    others = scores.scatter(1, label, lowest)
    top = others.detach().amax(1, keepdim=True)  # subtracted first: differences are exact near it
    margin = (others - top).logsumexp(1) - (scores.gather(1, label) - top).squeeze(1)
    return only(margin, top.squeeze(1) > lowest)


def log_sum(logarithms: Tensor, dim: int) -> Tensor:
    """Log-sum-exp along a dimension; -inf without a gradient where all terms are -inf.

    Example:
        >>> log_sum(torch.tensor([[-200.0, -200.0], [-torch.inf, -torch.inf]]), dim=1)
        tensor([-199.3069, -inf])
    """
    nothing = (logarithms == -torch.inf).all(dim, keepdim=True)
    terms = torch.where(nothing, 0, logarithms)
    top = terms.detach().amax(dim, keepdim=True)
    return only((terms - top).logsumexp(dim) + top.squeeze(dim), ~nothing.squeeze(dim))


def log_mean_per_sample(logarithms: Tensor, weights: Tensor | None) -> Tensor:
    """Logarithm of each sample's mean, from its elements' logarithms: ``(N, ...) -> (N,)``.

    Args:
        logarithms: ``(N, ...)`` of the weighted elements, -inf where an element is 0 or does not count.
        weights: ``(N, ...)`` >= 0, not logarithms, or None: all 1.

    Returns:
        ``(N,)``; -inf without a gradient where a sample has no element above 0.
    """
    logarithms = rows(logarithms)
    if weights is None:
        return log_sum(logarithms, 1) - math.log(logarithms.shape[1])
    total = rows(weights.to(logarithms.dtype)).sum(dim=1)
    return log_sum(logarithms, 1) - torch.where(total > 0, total, 1).log()
