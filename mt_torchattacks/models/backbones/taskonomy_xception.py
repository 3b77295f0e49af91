"""The Xception of 'Adversarial Robustness in Multi-Task Learning: Promises and Illusions'; timm's blocks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import nn

from mt_torchattacks import checks
from mt_torchattacks.models.backbones.base import Backbone
from mt_torchattacks.models.backbones.layers import UpsamplingDecoder, conv_bn_relu, initialized

MIDDLE = 8
"""The number of equal units after the last change of resolution (Chollet, 2017, figure 5)."""


def taskonomy_xception(
    widths: Sequence[int] = (32, 64, 128, 256, 728),
    features: int = 512,
    decoder_widths: Sequence[int] = (256, 128, 96, 64),
) -> Backbone:
    """Xception (Chollet, 2017) without its exit flow as the encoder, in five blocks, and one decoder a task.

    A block begins at the image and at each unit that halves the resolution; the last is the middle flow and a
    separable convolution to the encoder's output, at stride 16. As in Standley et al., 2020, but for the units that
    halve the resolution: they pool, as in Xception, where that code has a 2x2 convolution that fits even sizes only.

    Args:
        widths: the channels of the stem's two convolutions and of the three units that halve the resolution.
        features: the channels of the encoder's output.
        decoder_widths: the channels of a decoder's four steps.

    Raises:
        ImportError: timm is not installed (extra ``timm``).

    Example:
        >>> from mt_torchattacks.models import branched
        >>> model = branched("taskonomy_xception", "all_shared", {"normal": 3, "depth": 1})
        >>> len(model.blocks)
        5
    """
    _, first, *halved = widths
    return Backbone(
        blocks=[
            partial(_stem, *widths[:2]),
            partial(_halve, first, halved[0], start_with_relu=False),
            partial(_halve, halved[0], halved[1]),
            partial(_halve, halved[1], halved[2]),
            partial(_middle, halved[2], features),
        ],
        head=partial(UpsamplingDecoder, features, decoder_widths),
    )


def _stem(first: int, second: int) -> nn.Module:
    return initialized(nn.Sequential(conv_bn_relu(3, first, 3, stride=2), conv_bn_relu(first, second, 3)))


def _halve(inputs: int, outputs: int, start_with_relu: bool = True) -> nn.Module:
    unit = checks.optional("timm.models.xception", extra="timm").Block
    return initialized(unit(inputs, outputs, 2, 2, start_with_relu=start_with_relu))


def _middle(width: int, outputs: int) -> nn.Module:
    xception = checks.optional("timm.models.xception", extra="timm")
    units = [xception.Block(width, width, 3, 1) for _ in range(MIDDLE)]
    last = xception.SeparableConv2d(width, outputs, 3, padding=1)
    return initialized(nn.Sequential(*units, nn.ReLU(), last, nn.BatchNorm2d(outputs)))
