"""Binary cross-entropy of scores: multi-label classes, edges, attributes, one score a pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.base import Valid
from mt_torchattacks.tasks.losses.logarithms import log_softplus, log_sum, only
from mt_torchattacks.tasks.losses.pointwise import Pointwise


class BCEWithLogits(Pointwise):
    """Binary cross-entropy with logits per sample: mean over its labels or pixels.

    Its logarithm (:meth:`~mt_torchattacks.tasks.losses.base.Loss.log`) is finite however confident the scores are.

    Args:
        pos_weight: weight of the positive class; a number, or a tensor that broadcasts to the output.
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`.

    Shape:
        output and target ``(N, ...)``, targets floating-point in [0, 1]; returns ``(N,)``, in [0, inf).

    Example:
        >>> BCEWithLogits()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
        tensor([0.6931])
        >>> BCEWithLogits().log(torch.tensor([[150.0]]), torch.tensor([[1.0]]))
        tensor([-150.])
    """

    flat_at_zero = False

    def __init__(
        self, pos_weight: Tensor | float | None = None, *, valid: Valid | None = None, resize: str | None = None
    ) -> None:
        super().__init__(valid=valid, resize=resize)
        self.pos_weight = None if pos_weight is None else torch.as_tensor(pos_weight)

    def error(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        weight = None if self.pos_weight is None else self.pos_weight.to(output)
        return F.binary_cross_entropy_with_logits(output, target.to(output.dtype), reduction="none", pos_weight=weight)

    def log_elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        positive = target = target.to(output.dtype)
        if self.pos_weight is not None:
            positive = target * self.pos_weight.to(output)
        wrong = torch.stack([positive.log() + log_softplus(-output), (1 - target).log() + log_softplus(output)])
        return only(log_sum(wrong, 0), mask), None if mask is None else mask.expand(output.shape)

    def check_values(self, output: Tensor, target: Tensor) -> None:
        """Check that the targets that count lie in [0, 1].

        Raises:
            ValueError: they do not.
        """
        super().check_values(output, target)
        mask = self.mask(target)
        counted = target if mask is None else torch.where(mask, target, 0)
        low, high = (float(v) for v in counted.aminmax())
        checks.require(low >= 0 and high <= 1, "target", "values in [0, 1]", f"values in [{low:g}, {high:g}]")
