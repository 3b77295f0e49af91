"""The Jensen-Shannon divergence between predicted classes and labels, whose gradient fades for wrong labels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mt_torchattacks.tasks.losses.labels import LabelLoss
from mt_torchattacks.tasks.losses.logarithms import log_odds_against, log_or_nothing, only

_CONFIDENT = -12.0  # log odds from which on the divergence is its first-order term to the last digits of float32


class JensenShannon(LabelLoss):
    """Jensen-Shannon divergence between the softmax and the one-hot label, mean over a sample's labels that count.

    Bounded, with a gradient that goes to 0 as a label's probability does: what is wrong already takes no more of the
    attack, and what is still right does. One of the losses of SEA (Croce, Singh and Hein, 'Towards Reliable Evaluation
    and Fast Training of Robust Semantic Segmentation Models', ECCV 2024, https://arxiv.org/abs/2306.12941, section
    3.2). With the label's probability p it is ``log 2 + (p log p - (1 + p) log(1 + p)) / 2``.

    Args:
        ignore_index, class_dim, valid, resize: see :class:`~mt_torchattacks.tasks.losses.labels.LabelLoss`.

    Shape:
        output ``(N, K)`` with target ``(N,)`` int64, or ``(N, K, ...)`` with ``(N, ...)``; with ``class_dim=-1`` output
        ``(N, ..., K)``; returns ``(N,)``, in [0, log 2].

    Example:
        >>> scores = torch.tensor([[0.0, 0.0], [0.0, 100.0], [100.0, 0.0]])
        >>> JensenShannon()(scores, torch.tensor([0, 1, 1]))
        tensor([0.2158, 0.0000, 0.6931])
    """

    def per_label(self, output: Tensor, target: Tensor) -> Tensor:
        return _divergence(log_odds_against(output, target))

    def log_elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        assert mask is not None
        odds = log_odds_against(output, torch.where(mask, target, 0))
        confident = odds < _CONFIDENT
        inside = log_or_nothing(_divergence(torch.where(confident, 0, odds)))
        return only(torch.where(confident, odds + math.log(math.log(2) / 2), inside), mask), mask


def _divergence(odds: Tensor) -> Tensor:
    """From the logarithm of (1 - p) / p, in terms that are small where the divergence is."""
    wrong, right = odds.sigmoid(), (-odds).sigmoid()
    kept = torch.nn.functional.logsigmoid(-odds)  # log p; p log p is 0 where p is
    middle = torch.log1p(-wrong / 2)  # log((1 + p) / 2)
    found = (wrong * math.log(2) + torch.where(right > 0, right * kept, 0) - (1 + right) * middle) / 2
    return found.clamp_min(0)  # rounding of numbers that are too small to be normal
