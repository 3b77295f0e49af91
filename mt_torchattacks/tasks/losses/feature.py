"""How far features are from what they were: attacks on an encoder that need no labels."""

from __future__ import annotations

from torch import Tensor

from mt_torchattacks.tasks.losses.base import masked
from mt_torchattacks.tasks.losses.pointwise import Pointwise


class FeatureDistance(Pointwise):
    """Squared distance of features from the target's, as a share of the target's squared length.

    0: the same features, 1: as far from them as they are from 0. The target is the feature of the clean input (an
    attack moves away from it) or of another input (with the role ``"target"`` it moves there). A share has no unit, so
    layers of any width and scale can be attacked together. A target that is 0 everywhere counts with the length 1.

    At the clean input the distance is 0 and so is its gradient: the attack starts from noise of the ball's size, as
    from any target that is the model's own prediction.

    Args:
        valid, resize: see :class:`~mt_torchattacks.tasks.losses.base.Loss`.

    Shape:
        output and target ``(N, ...)``: vectors ``(N, D)``, tokens ``(N, L, D)``, maps ``(N, C, H, W)``; returns
        ``(N,)``.

    Example:
        >>> import torch
        >>> FeatureDistance()(torch.tensor([[3.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
        tensor([0.6400])
    """

    def elements(self, output: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        target = target.to(output.dtype)
        errors, _ = masked((output - target).square(), mask)
        lengths, _ = masked(target.square(), mask)
        return errors, lengths
