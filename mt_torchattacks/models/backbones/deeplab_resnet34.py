"""DeepLab on a ResNet-34, the backbone of 'Attacking All Tasks at Once'; torchvision's blocks."""

from __future__ import annotations

from functools import partial

from torch import nn

from mt_torchattacks import checks
from mt_torchattacks.models.backbones.base import Backbone
from mt_torchattacks.models.backbones.deeplab import ASPPHead, dilate


def deeplab_resnet34(width: int = 64, head_width: int = 1024, dropout: float = 0.5) -> Backbone:
    """ResNet-34 in five blocks, its stem and its four layers, with output stride 8 and ASPP heads.

    The layers have strides 1, 2, 1, 1 and dilations 1, 1, 2, 4; the heads have rates 6, 12, 18, 24.

    Args:
        width: the channels of the stem and of layer 1; layers 2, 3 and 4 have 2, 4 and 8 times as many.
        head_width: the channels inside a head's branches.
        dropout: the share of a head's values left out in training.

    Raises:
        ImportError: torchvision is not installed (extra ``models``).

    Example:
        >>> from mt_torchattacks.models import branched
        >>> model = branched("deeplab_resnet34", "[[[0]], [[0]], [[0]], [[0]], [[0]]]", {"depth": 1}, head_width=8)
        >>> model.backbone_parameters()
        21284672
    """
    return Backbone(
        blocks=[
            partial(_stem, width),
            partial(_layer, width, width, depth=3),
            partial(_layer, width, 2 * width, depth=4, stride=2),
            partial(_layer, 2 * width, 4 * width, depth=6, dilation=2),
            partial(_layer, 4 * width, 8 * width, depth=3, dilation=4),
        ],
        head=partial(ASPPHead, 8 * width, head_width, dropout=dropout),
    )


def _stem(width: int) -> nn.Module:
    conv = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
    return _initialized(nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)))


def _layer(inputs: int, outputs: int, depth: int, stride: int = 1, dilation: int = 1) -> nn.Module:
    """``depth`` basic blocks, the first of which changes the channels and the resolution."""
    basic_block = checks.optional("torchvision.models.resnet", extra="models").BasicBlock
    shortcut = None
    if stride != 1 or inputs != outputs:
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    first = basic_block(inputs, outputs, stride, shortcut)
    layer = nn.Sequential(first, *(basic_block(outputs, outputs) for _ in range(1, depth)))
    return _initialized(layer if dilation == 1 else dilate(layer, dilation))


def _initialized(block: nn.Module) -> nn.Module:
    """Draw the convolutions' weights as torchvision does (He et al., 2015, fan-out)."""
    for module in block.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return block
