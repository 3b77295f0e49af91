"""MobileNetV2 with DeepLab's dilations and heads; torchvision's blocks."""

from __future__ import annotations

from functools import partial

from torch import nn

from mt_torchattacks import checks
from mt_torchattacks.models.backbones.base import Backbone
from mt_torchattacks.models.backbones.deeplab import ASPPHead, dilate

BLOCKS = {(0, 2): 1, (2, 4): 1, (4, 7): 1, (7, 14): 2, (14, 18): 4}
"""Where each block begins and ends in torchvision's ``features``, and its dilation (1: torchvision's own strides)."""


def mobilenet_v2(width: float = 1.0, head_width: int = 256, dropout: float = 0.5) -> Backbone:
    """MobileNetV2 (Sandler et al., 2018) in five blocks, with output stride 8 and ASPP heads.

    A block begins at the first layer and wherever MobileNetV2 halves the resolution. The last two blocks are dilated
    by 2 and 4 instead. The last 1x1 convolution, which serves the classifier, is left out. No published count confirms
    this split: all 35 published layouts are of ResNet-34.

    Args:
        width: the layers have ``width`` times as many channels as in the paper, rounded to a multiple of 8.
        head_width: the channels inside a head's branches.
        dropout: the share of a head's values left out in training.

    Raises:
        ImportError: torchvision is not installed (extra ``models``).

    Example:
        >>> from mt_torchattacks.models import branched
        >>> model = branched("mobilenet_v2", "[[[0]], [[0]], [[0]], [[0]], [[0]]]", {"depth": 1}, head_width=8)
        >>> model.backbone_parameters()
        1811712
    """
    channels = _features(width)[-2].out_channels
    assert isinstance(channels, int)
    return Backbone(
        blocks=[partial(_block, width, *where, dilation) for where, dilation in BLOCKS.items()],
        head=partial(ASPPHead, channels, head_width, dropout=dropout),
    )


def _block(width: float, start: int, stop: int, dilation: int) -> nn.Module:
    block = _features(width)[start:stop]
    return block if dilation == 1 else dilate(block, dilation)


def _features(width: float) -> nn.Sequential:
    """All layers, freshly drawn, in torchvision's order."""
    models = checks.optional("torchvision.models", extra="models")
    features: nn.Sequential = models.MobileNetV2(num_classes=1, width_mult=width).features
    return features
