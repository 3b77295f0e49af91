"""What several backbones have: layers, their first weights, a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


def conv_bn_relu(inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """A convolution that keeps the size (but for its stride), batch normalization, ReLU."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


def initialized(block: nn.Module) -> nn.Module:
    """Draw the convolutions' weights as torchvision does (He et al., 2015, fan-out), in place."""
    for module in block.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return block


def cut_unread_pixels(model: nn.Module) -> None:
    """Hand the narrow 1x1 convolutions of a model that skip pixels only the pixels up to the last one that they read.

    Their outputs and gradients are the same. But where the stride divides both sides of the image, oneDNN's gradient
    of the weight is written past its workspace if the input has fewer channels than a vector register holds floats: 8
    with AVX2, 16 with AVX-512 (https://github.com/uxlfoundation/oneDNN/issues/6035). That corrupts the heap, or with
    several threads the gradient. After the cut the stride divides neither side that it skips along.
    """
    for conv in [module for module in model.modules() if isinstance(module, nn.Conv2d)]:
        if conv.in_channels < 16 and conv.kernel_size == (1, 1) and conv.stride != (1, 1) and conv.padding == (0, 0):
            conv.register_forward_pre_hook(_cut)


def _cut(conv: nn.Conv2d, args: tuple[Tensor]) -> Tensor:
    down, right = ((size - 1) // step * step + 1 for size, step in zip(args[0].shape[2:], conv.stride, strict=True))
    return args[0][..., :down, :right]


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
