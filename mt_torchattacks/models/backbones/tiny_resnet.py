"""A residual network with five blocks, small enough to train on a CPU in minutes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mt_torchattacks.models.backbones.base import Backbone
from mt_torchattacks.models.backbones.layers import conv_bn_relu


def tiny_resnet(widths: Sequence[int] = (16, 32, 40, 72, 72), head_width: int = 24) -> Backbone:
    """A convolution and four residual blocks (output stride 8), and light ASPP heads that predict at stride 4.

    Args:
        widths: the channels of the blocks, whose strides are 2, 2, 1, 2, 1 and dilations 1, 1, 1, 1, 2.
        head_width: the channels inside a head.
    """
    return Backbone(
        blocks=[
            partial(_stem, widths[0]),
            partial(ResidualBlock, widths[0], widths[1], stride=2),
            partial(ResidualBlock, widths[1], widths[2]),
            partial(ResidualBlock, widths[2], widths[3], stride=2),
            partial(ResidualBlock, widths[3], widths[4], dilation=2),
        ],
        head=partial(Head, widths[2], widths[4], head_width),
    )


def _stem(outputs: int) -> nn.Module:
    return conv_bn_relu(3, outputs, kernel=5, stride=2)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.first = conv_bn_relu(inputs, outputs, 3, stride, dilation)
        self.second = nn.Sequential(
            nn.Conv2d(outputs, outputs, 3, padding=dilation, dilation=dilation, bias=False), nn.BatchNorm2d(outputs)
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs, h, w)`` to ``(N, outputs, h / stride, w / stride)``."""
        return F.relu(self.second(self.first(x)) + self.shortcut(x))


class Head(nn.Module):
    """Parallel dilated convolutions and the image's mean over the last block, then a skip connection from block 2."""

    def __init__(self, skip: int, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [conv_bn_relu(inputs, width, 1), *(conv_bn_relu(inputs, width, 3, dilation=d) for d in (2, 4))]
        )
        self.mean = nn.Conv2d(inputs, width, 1)
        self.fuse = conv_bn_relu(4 * width, width, 1)
        self.skip = conv_bn_relu(skip, width // 2, 1)
        self.decode = conv_bn_relu(width + width // 2, width, 3)
        self.last = nn.Conv2d(width, outputs, 1)

    def forward(self, features: list[Tensor]) -> Tensor:
        """The features after each block to ``(N, outputs, h, w)`` at block 2's resolution."""
        skip, x = self.skip(features[2]), features[-1]
        mean = self.mean(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        x = self.fuse(torch.cat([*(branch(x) for branch in self.branches), mean], 1))
        x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
        output: Tensor = self.last(self.decode(torch.cat([x, skip], 1)))
        return output
