"""What the DeepLab backbones share: dilated blocks and heads of parallel dilated convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def dilate(block: nn.Module, dilation: int) -> nn.Module:
    """Let a block's convolutions skip ``dilation`` pixels instead of striding, in place; its weights stay as they are.

    Example:
        >>> conv = dilate(nn.Conv2d(8, 8, 3, stride=2, padding=1), dilation=4)
        >>> conv.stride, conv.padding, conv.dilation
        ((1, 1), (4, 4), (4, 4))
    """
    for conv in (module for module in block.modules() if isinstance(module, nn.Conv2d)):
        conv.stride = (1, 1)
        conv.dilation = (dilation, dilation)
        conv.padding = tuple(dilation * (size // 2) for size in conv.kernel_size)
    return block


class ASPPHead(nn.Module):
    """Atrous spatial pyramid pooling (Chen et al., 2018, 'DeepLab', section 3.2): the sum of a branch for each rate.

    A branch is a 3x3 convolution of dilation ``rate`` and two 1x1 convolutions.

    Args:
        inputs: the channels of the last block.
        width: the channels inside a branch.
        outputs: the channels of the task.
        rates: the dilations of the branches.
        dropout: the share of a branch's channels' values left out in training, twice a branch.
    """

    def __init__(
        self, inputs: int, width: int, outputs: int, rates: Sequence[int] = (6, 12, 18, 24), dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(_branch(inputs, width, outputs, rate, dropout) for rate in rates)

    def forward(self, features: list[Tensor]) -> Tensor:
        """The features after each block to ``(N, outputs, h, w)`` at the last block's resolution."""
        return torch.stack([branch(features[-1]) for branch in self.branches]).sum(0)


def _branch(inputs: int, width: int, outputs: int, rate: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, width, 3, padding=rate, dilation=rate),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Conv2d(width, width, 1),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Conv2d(width, outputs, 1),
    )
