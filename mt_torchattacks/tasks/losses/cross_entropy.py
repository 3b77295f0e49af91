"""Cross-entropy of class scores, for one label a sample or one a pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.base import Valid
from mt_torchattacks.tasks.losses.labels import LabelLoss
from mt_torchattacks.tasks.losses.logarithms import log_odds_against, log_or_nothing, log_softplus, only


class CrossEntropy(LabelLoss):
    """Cross-entropy per sample; for dense labels the mean over the sample's pixels that are not ignored.

    With class weights a dense loss is the weighted mean (the weights of the sample's own pixels sum to one, as
    ``torch.nn.CrossEntropyLoss`` does for a batch); a single label's loss is multiplied by its class's weight.

    Its logarithm (:meth:`~mt_torchattacks.tasks.losses.base.Loss.log`) is finite however confident the scores are: with
    the margin m = log-sum-exp of the other classes' scores - score of the true class, the loss of a label is
    log(1 + exp(m)), whose logarithm tends to m where float32 has rounded the loss to 0 (m below about -17).

    Args:
        ignore_index: label that does not count.
        weight: ``(K,)`` class weights >= 0.
        label_smoothing: in [0, 1).
        probabilities: the output holds probabilities (softmaxed), not scores; their logarithm is taken, bounded
            below by the smallest normal number of their dtype.
        class_dim: where the output has its classes: 1, or -1 for the last dimension.
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`.

    Shape:
        output ``(N, K)`` with target ``(N,)`` int64, or ``(N, K, ...)`` with ``(N, ...)``; with ``class_dim=-1`` output
        ``(N, ..., K)``; returns ``(N,)``, in [0, inf).

    Example:
        >>> scores = torch.tensor([[0.0, 0.0], [0.0, 100.0]])
        >>> CrossEntropy()(scores, torch.tensor([0, 1]))
        tensor([0.6931, 0.0000])
        >>> CrossEntropy().log(scores, torch.tensor([0, 1]))
        tensor([  -0.3665, -100.0000])
    """

    def __init__(
        self,
        *,
        ignore_index: int = -100,
        weight: Tensor | None = None,
        label_smoothing: float = 0.0,
        probabilities: bool = False,
        class_dim: int = 1,
        valid: Valid | None = None,
        resize: str | None = None,
    ) -> None:
        super().__init__(ignore_index=ignore_index, class_dim=class_dim, valid=valid, resize=resize)
        checks.require(0 <= label_smoothing < 1, "label_smoothing", "a number in [0, 1)", label_smoothing)
        if weight is not None:
            checks.require(weight.ndim == 1 and bool((weight >= 0).all()), "weight", "(K,) numbers >= 0", weight)
        self.weight = weight
        self.label_smoothing = label_smoothing
        self.probabilities = probabilities

    def scores(self, output: Tensor) -> Tensor:
        """The scores ``(N, K, ...)`` whose softmax the loss takes: the output, or its logarithm for probabilities."""
        return output.clamp_min(torch.finfo(output.dtype).tiny).log() if self.probabilities else output

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        assert mask is not None
        if self.valid is not None:  # otherwise the mask says no more than ignore_index does
            target = torch.where(mask, target, self.ignore_index)
        values = F.cross_entropy(
            self.scores(output),
            target,
            weight=None if self.weight is None else self.weight.to(output),
            ignore_index=self.ignore_index,
            reduction="none",
            label_smoothing=self.label_smoothing,
        )
        return values, None if target.ndim == 1 else self._weights(output, target, mask)

    def log_elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        assert mask is not None
        if self.label_smoothing > 0:  # bounded below, so its logarithm needs no other form
            values, weights = CrossEntropy.elements(self, output, target, mask)
            return log_or_nothing(values), weights
        margin = log_odds_against(self.scores(output), torch.where(mask, target, 0))
        weights = self._weights(output, target, mask)
        values = only(log_softplus(margin) + weights.to(margin.dtype).log(), weights > 0)
        return values, None if target.ndim == 1 else weights

    def _weights(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Each label's weight ``(N, ...)``, 0 where it does not count; boolean without class weights."""
        if self.weight is None:
            return mask
        return torch.where(mask, self.weight.to(output)[torch.where(mask, target, 0)], 0)

    def check_shapes(self, output: Tensor, target: Tensor) -> None:
        super().check_shapes(output, target)
        if self.weight is not None:
            classes = output.shape[1]
            checks.require(len(self.weight) == classes, "weight", f"one weight a class, {classes}", len(self.weight))

    def check_values(self, output: Tensor, target: Tensor) -> None:
        """Check that every label that counts is a class: in [0, K).

        Raises:
            ValueError: a label outside that range which is not ``ignore_index``, or scores given for probabilities.
        """
        if self.probabilities:
            low, high = (float(v) for v in output.detach().aminmax())
            found = f"values in [{low:g}, {high:g}]"
            checks.require(low >= 0 and high <= 1.01, "output", "probabilities in [0, 1], probabilities=True", found)
        super().check_values(output, target)
