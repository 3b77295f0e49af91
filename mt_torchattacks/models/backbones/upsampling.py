"""The decoder of the Taskonomy models: transposed convolutions up to the image's resolution."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class UpsamplingDecoder(nn.Module):
    """A task's decoder (Standley et al., 2020, their published code): each step doubles the resolution.

    A step is a 2x2 transposed convolution of stride 2 and a 3x3 convolution, each with batch normalization and ReLU;
    the last step's convolution gives the output.

    Args:
        inputs: the channels of the last block.
        widths: the channels of each step.
        outputs: the channels of the task.

    Example:
        >>> import torch
        >>> UpsamplingDecoder(8, widths=(6, 4), outputs=3)([torch.rand(1, 8, 5, 7)]).shape
        torch.Size([1, 3, 20, 28])
    """

    def __init__(self, inputs: int, widths: Sequence[int], outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((inputs, *widths)):
            layers += [nn.ConvTranspose2d(before, after, 2, stride=2), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.Conv2d(after, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-3], nn.Conv2d(widths[-1], outputs, 3, padding=1))

    def forward(self, features: list[Tensor]) -> Tensor:
        """The features after each block to ``(N, outputs, h, w)``, of ``2**len(widths)`` times their resolution."""
        output: Tensor = self.layers(features[-1])
        return output
