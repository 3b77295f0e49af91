"""Backbones of branched models, by name. A new one is one file with one function, and one line here."""

from __future__ import annotations

from collections.abc import Callable

from mt_torchattacks.models.backbones.base import Backbone
from mt_torchattacks.models.backbones.deeplab_resnet34 import deeplab_resnet34
from mt_torchattacks.models.backbones.mobilenet_v2 import mobilenet_v2
from mt_torchattacks.models.backbones.tiny_resnet import tiny_resnet

BACKBONES: dict[str, Callable[..., Backbone]] = {
    "deeplab_resnet34": deeplab_resnet34,
    "mobilenet_v2": mobilenet_v2,
    "tiny_resnet": tiny_resnet,
}
"""Functions that take a backbone's options and return its parts."""

__all__ = ["BACKBONES", "Backbone", "deeplab_resnet34", "mobilenet_v2", "tiny_resnet"]
