"""Rules that need the inner products of the tasks' gradients: T backward passes a step, then a T x T problem."""

from __future__ import annotations

import torch
from torch import Tensor

from mt_torchattacks.balancing.base import GramianRule, safe_divide


class Normalized(GramianRule):
    """``sum_i grad L_i / ||grad L_i||``: every task's gradient at unit L2 length, whatever its loss's scale.

    The Gramian family's plainest member: the weights are the inverse square roots of the Gramian's diagonal.

    Example:
        >>> Normalized().weights(torch.diag(torch.tensor([4.0, 0.25])).unsqueeze(0))
        tensor([[0.5000, 2.0000]])
    """

    name = "normalized"

    def weights(self, gramian: Tensor) -> Tensor:
        return safe_divide(1.0, torch.diagonal(gramian, dim1=1, dim2=2).sqrt())
