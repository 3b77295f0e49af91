"""Residual networks as blocks of a branched model, built of torchvision's residual units."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from mt_torchattacks import checks
from mt_torchattacks.models.backbones.base import Block
from mt_torchattacks.models.backbones.deeplab import dilate
from mt_torchattacks.models.backbones.layers import initialized

DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 152: (3, 8, 36, 3)}
"""The number of residual units in each of the four layers (He et al., 2016, table 1)."""


def resnet_blocks(
    depth: int,
    width: int = 64,
    *,
    bottleneck_width: int = 64,
    strides: tuple[int, ...] = (1, 2, 2, 2),
    dilations: tuple[int, ...] = (1, 1, 1, 1),
) -> list[Block]:
    """Builders of the stem and the four layers of a ResNet (He et al., 2016).

    Args:
        depth: 18, 34, 50 or 152; from 50 on the units are bottlenecks, with four times as many output channels.
        width: the channels of the stem; layer i has ``width * 2**i``.
        bottleneck_width: 128 makes bottlenecks twice as wide inside (Zagoruyko and Komodakis, 2016).
        strides: of the layers.
        dilations: of the layers; a dilated layer has stride 1.
    """
    unit, expansion = ("BasicBlock", 1) if depth < 50 else ("Bottleneck", 4)
    blocks: list[Block] = [partial(_stem, width)]
    inputs = width
    for layer, count in enumerate(DEPTHS[depth]):
        outputs = width * 2**layer * expansion
        options = {"count": count, "stride": strides[layer], "dilation": dilations[layer]}
        blocks.append(partial(_layer, unit, inputs, outputs, bottleneck_width, **options))
        inputs = outputs
    return blocks


def resnet_channels(depth: int, width: int = 64) -> int:
    """The channels of the last layer."""
    return width * (8 if depth < 50 else 32)


def _stem(width: int) -> nn.Module:
    conv = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
    return initialized(nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)))


def _layer(
    unit: str, inputs: int, outputs: int, bottleneck_width: int, *, count: int, stride: int, dilation: int
) -> nn.Module:
    """``count`` residual units, the first of which changes the channels and the resolution."""
    build: Any = getattr(checks.optional("torchvision.models.resnet", extra="models"), unit)
    build = partial(build, planes=outputs // build.expansion, base_width=bottleneck_width)
    shortcut = None
    if stride != 1 or inputs != outputs:
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    first = build(inputs, stride=stride, downsample=shortcut)
    layer = nn.Sequential(first, *(build(outputs) for _ in range(1, count)))
    return initialized(layer if dilation == 1 else dilate(layer, dilation))
