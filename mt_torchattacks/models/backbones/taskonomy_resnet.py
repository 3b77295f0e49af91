"""The residual networks of 'Adversarial Robustness in Multi-Task Learning: Promises and Illusions'."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mt_torchattacks.models.backbones.base import Backbone
from mt_torchattacks.models.backbones.layers import UpsamplingDecoder
from mt_torchattacks.models.backbones.resnet import resnet_blocks, resnet_channels


def taskonomy_resnet(
    depth: int,
    width: int = 64,
    decoder_widths: Sequence[int] = (256, 128, 64, 48, 32),
    bottleneck_width: int = 64,
) -> Backbone:
    """A ResNet as the encoder, in five blocks (its stem and its four layers), and one decoder a task.

    The multi-task models of Standley et al., 2020, with which [G] works: all tasks share the encoder there, which is
    the layout ``"all_shared"``. The encoder's output stride is 32.

    Args:
        depth: 18, 34, 50 or 152.
        width: the channels of the stem; the layers' follow from it.
        decoder_widths: the channels of a decoder's five steps.
        bottleneck_width: 128 for a wide ResNet.

    Raises:
        ImportError: torchvision is not installed (extra ``models``).

    Example:
        >>> from mt_torchattacks.models import branched
        >>> model = branched("taskonomy_resnet18", "all_shared", {"normal": 3, "depth": 1})
        >>> model.backbone_parameters(), len(model.blocks)
        (11176512, 5)
    """
    return Backbone(
        blocks=resnet_blocks(depth, width, bottleneck_width=bottleneck_width),
        head=partial(UpsamplingDecoder, resnet_channels(depth, width), decoder_widths),
    )
