"""Rules that need each task's own gradient: T backward passes a step."""

from __future__ import annotations

from torch import Tensor

from mt_torchattacks.balancing.base import GradientRule


class SignTotal(GradientRule):
    """``sum_i sign(grad L_i)``, scored by ``sum_i L_i`` (SignTotal of [D]): every task has one vote a pixel."""

    name = "sign_total"
    relative = False

    def direction(self, gradients: Tensor) -> Tensor:
        return gradients.sign().sum(dim=1)

    def score(self, losses: Tensor, clean: Tensor) -> Tensor:
        return losses.sum(dim=1)
