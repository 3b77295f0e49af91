"""Cross-entropy of scores that are scaled down where they are so far apart that gradients would vanish."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.cross_entropy import CrossEntropy


class LogitScaled(CrossEntropy):
    """Cross-entropy of scores divided by their own scale, so that a confident model's gradient does not vanish.

    The scale of a label's scores is the lead of the highest on the third highest (of two classes, on the second), the
    denominator of :class:`~mt_torchattacks.tasks.losses.margins.DLR`. Where the lead exceeds ``lead``, the scores are
    divided so that it is ``lead``; no gradient flows through the divisor. Jitter (Schwinn et al. 2021) divides by the
    largest absolute score instead, which also changes with a shift of all scores.

    For scores that far apart, multiplying them all by a number changes nothing, so the loss is no measure of confidence
    there, and its gradient is not that of its value: compare iterates by another loss. With two classes its value is
    then one of two numbers. It is never near 0, so rules may divide by it, and it has a logarithm.

    Args:
        lead: > 0, in the scores' unit; at 10 the smallest loss is about 5e-5.
        options: of :class:`~mt_torchattacks.tasks.losses.cross_entropy.CrossEntropy`, but for ``probabilities``.

    Shape:
        output ``(N, K)`` with target ``(N,)`` int64, or ``(N, K, ...)`` with ``(N, ...)``, K >= 2; with
        ``class_dim=-1`` output ``(N, ..., K)``; returns ``(N,)``, in (0, inf).

    Example:
        >>> import torch
        >>> scores, label = torch.tensor([[80.0, 0.0, 0.0]]), torch.tensor([0])
        >>> CrossEntropy()(scores, label), LogitScaled(lead=5.0)(scores, label)
        (tensor([0.]), tensor([0.0134]))
    """

    least_classes = 2

    def __init__(self, lead: float = 10.0, **options: Any) -> None:
        super().__init__(**options)
        checks.require(not self.probabilities, "probabilities", "False: scores are scaled", self.probabilities)
        checks.positive(lead, "lead")
        self.lead = lead

    def scores(self, output: Tensor) -> Tensor:
        top = output.detach().topk(min(3, output.shape[1]), dim=1).values
        return output / ((top[:, :1] - top[:, -1:]) / self.lead).clamp_min(1)
