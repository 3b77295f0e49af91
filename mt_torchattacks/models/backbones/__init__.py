"""Backbones of branched models, by name. A new one is one file with one function, and one line here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mt_torchattacks.models.backbones.base import Backbone
from mt_torchattacks.models.backbones.deeplab_resnet34 import deeplab_resnet34
from mt_torchattacks.models.backbones.mobilenet_v2 import mobilenet_v2
from mt_torchattacks.models.backbones.taskonomy_resnet import taskonomy_resnet
from mt_torchattacks.models.backbones.taskonomy_xception import taskonomy_xception
from mt_torchattacks.models.backbones.tiny_resnet import tiny_resnet

BACKBONES: dict[str, Callable[..., Backbone]] = {
    "deeplab_resnet34": deeplab_resnet34,
    "mobilenet_v2": mobilenet_v2,
    "taskonomy_resnet18": partial(taskonomy_resnet, 18),
    "taskonomy_resnet50": partial(taskonomy_resnet, 50),
    "taskonomy_resnet152": partial(taskonomy_resnet, 152),
    "taskonomy_wide_resnet50": partial(taskonomy_resnet, 50, bottleneck_width=128),
    "taskonomy_xception": taskonomy_xception,
    "tiny_resnet": tiny_resnet,
}
"""Functions that take a backbone's options and return its parts."""

__all__ = [
    "BACKBONES",
    "Backbone",
    "deeplab_resnet34",
    "mobilenet_v2",
    "taskonomy_resnet",
    "taskonomy_xception",
    "tiny_resnet",
]
