"""Data sets: items are ``(image, targets)``, the image RGB in [0, 1], one target for each task."""

from __future__ import annotations

from mt_torchattacks.data.augment import JointAugmentation, RandomMirror
from mt_torchattacks.data.check import READERS, check_data
from mt_torchattacks.data.cityscapes import Cityscapes
from mt_torchattacks.data.class_weights import class_pixels, prior_factor
from mt_torchattacks.data.nyuv2 import NYUv2
from mt_torchattacks.data.rooms import Rooms
from mt_torchattacks.data.taskonomy import TinyTaskonomy

DATASETS = {"rooms": Rooms, **READERS}
"""Every data set, by the name that it has on the command line."""

__all__ = [
    "DATASETS",
    "READERS",
    "Cityscapes",
    "JointAugmentation",
    "NYUv2",
    "RandomMirror",
    "Rooms",
    "TinyTaskonomy",
    "check_data",
    "class_pixels",
    "prior_factor",
]
