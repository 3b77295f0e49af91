"""Cross-entropy of class scores, for one label a sample or one a pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.base import Loss, Valid


class CrossEntropy(Loss):
    """Cross-entropy per sample; for dense labels the mean over the sample's pixels that are not ignored.

    With class weights a dense loss is the weighted mean (the weights of the sample's own pixels sum to one, as
    ``torch.nn.CrossEntropyLoss`` does for a batch); a single label's loss is multiplied by its class's weight.

    Args:
        ignore_index: label that does not count.
        weight: ``(K,)`` class weights >= 0.
        label_smoothing: in [0, 1).
        probabilities: the output holds probabilities (softmaxed), not scores; their logarithm is taken, bounded
            below by the smallest normal number of their dtype.
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`.

    Shape:
        output ``(N, K)`` with target ``(N,)`` int64, or ``(N, K, H, W)`` with ``(N, H, W)``; returns ``(N,)``.

    Example:
        >>> scores = torch.tensor([[0.0, 0.0], [0.0, 100.0]])
        >>> CrossEntropy()(scores, torch.tensor([0, 1]))
        tensor([0.6931, 0.0000])
    """

    flat_at_zero = False

    def __init__(
        self,
        *,
        ignore_index: int = -100,
        weight: Tensor | None = None,
        label_smoothing: float = 0.0,
        probabilities: bool = False,
        valid: Valid | None = None,
        resize: str | None = None,
    ) -> None:
        super().__init__(valid=valid, resize=resize)
        checks.require(0 <= label_smoothing < 1, "label_smoothing", "a number in [0, 1)", label_smoothing)
        if weight is not None:
            checks.require(weight.ndim == 1 and bool((weight >= 0).all()), "weight", "(K,) numbers >= 0", weight)
        self.ignore_index = ignore_index
        self.weight = weight
        self.label_smoothing = label_smoothing
        self.probabilities = probabilities

    def mask(self, target: Tensor) -> Tensor:
        counted = target != self.ignore_index
        given = super().mask(target)
        return counted if given is None else counted & given

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if self.probabilities:
            output = output.clamp_min(torch.finfo(output.dtype).tiny).log()
        weight = None if self.weight is None else self.weight.to(output)
        if mask is not None:
            target = torch.where(mask, target, self.ignore_index)
        values = F.cross_entropy(
            output,
            target,
            weight=weight,
            ignore_index=self.ignore_index,
            reduction="none",
            label_smoothing=self.label_smoothing,
        )
        if target.ndim == 1:
            return values, None
        counted = target != self.ignore_index
        return values, counted if weight is None else torch.where(counted, weight[torch.where(counted, target, 0)], 0)

    def check_shapes(self, output: Tensor, target: Tensor) -> None:
        checks.require(output.ndim in (2, 4), "output", "scores (N, K) or (N, K, H, W)", checks.describe(output))
        wanted = (output.shape[0], *output.shape[2:])
        checks.require(
            target.dtype == torch.int64, "target", "class labels of dtype int64", checks.describe(target), TypeError
        )
        checks.require(target.shape == wanted, "target", f"labels of shape {wanted}", checks.describe(target))
        if self.weight is not None:
            checks.require(
                len(self.weight) == output.shape[1],
                "weight",
                f"one weight a class, {output.shape[1]}",
                len(self.weight),
            )

    def check_values(self, output: Tensor, target: Tensor) -> None:
        """Check that every label that counts is a class: in [0, K).

        Raises:
            ValueError: a label outside that range which is not ``ignore_index``, or scores given for probabilities.
        """
        super().check_values(output, target)
        if self.probabilities:
            low, high = (float(v) for v in output.detach().aminmax())
            found = f"values in [{low:g}, {high:g}]"
            checks.require(low >= 0 and high <= 1.01, "output", "probabilities in [0, 1], probabilities=True", found)
        labels = target[self.mask(target)]
        if labels.numel() > 0:
            low, high = (int(v) for v in labels.aminmax())
            expected = f"labels in [0, {output.shape[1]}) or ignore_index={self.ignore_index}"
            checks.require(low >= 0 and high < output.shape[1], "target", expected, f"labels from {low} to {high}")
