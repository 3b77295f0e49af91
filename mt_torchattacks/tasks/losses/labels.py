"""What the losses of class scores share: labels, which of them count, and the dimension of the classes."""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.base import Loss, Valid


class LabelLoss(Loss):
    """Base of the losses of class scores with int64 labels; the mean over a sample's labels that count.

    Subclasses give one value a label (:meth:`per_label`), or override
    :meth:`~mt_torchattacks.tasks.losses.base.Loss.elements`.

    Args:
        ignore_index: label that does not count.
        class_dim: where the output has its classes: 1, or -1 for the last dimension.
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`; only outputs ``(N, K, H, W)``, or
            ``(N, H, W, K)`` with ``class_dim=-1``, are resized.

    Shape:
        output ``(N, K)`` with target ``(N,)`` int64, or ``(N, K, ...)`` with ``(N, ...)``: ``(N, K, L)`` with
        ``(N, L)``, ``(N, K, H, W)`` with ``(N, H, W)``. With ``class_dim=-1`` the output is ``(N, ..., K)``, for
        example ``(N, Q, K)`` for Q queries or the tokens of a text. Returns ``(N,)``.
    """

    flat_at_zero = False
    least_classes = 1
    """The smallest number of classes for which the loss is defined."""

    def __init__(
        self, *, ignore_index: int = -100, class_dim: int = 1, valid: Valid | None = None, resize: str | None = None
    ) -> None:
        super().__init__(valid=valid, resize=resize)
        checks.require(class_dim in (1, -1), "class_dim", "1, or -1 for the last dimension", class_dim)
        self.ignore_index = ignore_index
        self.class_dim = class_dim

    def per_label(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss ``(N, ...)`` of each label of ``target (N, ...)`` under the scores ``output (N, K, ...)``."""
        raise NotImplementedError

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        assert mask is not None
        return torch.where(mask, self.per_label(output, torch.where(mask, target, 0)), 0), mask

    def mask(self, target: Tensor) -> Tensor:
        counted = target != self.ignore_index
        given = super().mask(target)
        return counted if given is None else counted & given

    def arranged(self, output: Tensor) -> Tensor:
        checks.require(output.ndim >= 2, "output", f"scores {self._layout}", checks.describe(output))
        return output if self.class_dim == 1 else output.movedim(-1, 1)

    def check_shapes(self, output: Tensor, target: Tensor) -> None:
        wanted = self.target_shape(output)
        checks.require(
            target.dtype == torch.int64, "target", "class labels of dtype int64", checks.describe(target), TypeError
        )
        expected = f"labels of shape {wanted} for scores {self._layout} with K = {output.shape[1]}"
        checks.require(target.shape == wanted, "target", expected, checks.describe(target))
        least = f"at least {self.least_classes} classes, scores {self._layout}"
        checks.require(output.shape[1] >= self.least_classes, "output", least, f"K = {output.shape[1]}")

    def target_shape(self, output: Tensor) -> tuple[int, ...]:
        """The target's shape for scores ``(N, K, ...)``: without the dimension of the classes."""
        return (output.shape[0], *output.shape[2:])

    def check_values(self, output: Tensor, target: Tensor) -> None:
        """Check that every label that counts is a class: in [0, K).

        Raises:
            ValueError: a label outside that range which is not ``ignore_index``.
        """
        super().check_values(output, target)
        labels, classes = target[self.mask(target).expand(target.shape)], output.shape[self.class_dim]
        if labels.numel() > 0:
            low, high = (int(v) for v in labels.aminmax())
            expected = f"labels in [0, {classes}) or ignore_index={self.ignore_index}"
            checks.require(low >= 0 and high < classes, "target", expected, f"labels from {low} to {high}")

    @property
    def _layout(self) -> str:
        last = "(N, K) or (N, ..., K) (class_dim=-1)"
        return "(N, K) or (N, K, ...) (class_dim=1)" if self.class_dim == 1 else last
