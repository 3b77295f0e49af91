"""Losses that a model computes itself, from targets that it is given."""

from __future__ import annotations

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.tasks.losses.pointwise import Pointwise


class OwnLoss(Pointwise):
    """The output itself, for a model whose outputs are its losses; the target only has to be there.

    Shape:
        output ``(N,)``, one loss a sample, and target ``(N,)``, any numbers; returns the output.

    Example:
        >>> import torch
        >>> OwnLoss()(torch.tensor([0.5, 2.0]), torch.zeros(2))
        tensor([0.5000, 2.0000])
    """

    def error(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        return output

    def check_shapes(self, output: Tensor, target: Tensor) -> None:
        checks.require(output.ndim == 1, "output", "one loss a sample, shape (N,)", checks.describe(output))
        super().check_shapes(output, target)
