"""DeepLab on a ResNet-34, the backbone of 'Attacking All Tasks at Once'; torchvision's blocks."""

from __future__ import annotations

from functools import partial

from mt_torchattacks.models.backbones.base import Backbone
from mt_torchattacks.models.backbones.deeplab import ASPPHead
from mt_torchattacks.models.backbones.resnet import resnet_blocks, resnet_channels


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
        blocks=resnet_blocks(34, width, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
        head=partial(ASPPHead, resnet_channels(34, width), head_width, dropout=dropout),
    )
