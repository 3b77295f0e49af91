"""Data sets: items are ``(image, targets)``, the image RGB in [0, 1], one target for each task."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.data.augment import JointAugmentation, RandomMirror
    from mt_torchattacks.data.base import NamedDataset
    from mt_torchattacks.data.catalogue import DATASETS, dataset_names
    from mt_torchattacks.data.check import READERS, check_data
    from mt_torchattacks.data.cityscapes import Cityscapes
    from mt_torchattacks.data.class_weights import class_pixels, prior_factor
    from mt_torchattacks.data.nyuv2 import NYUv2
    from mt_torchattacks.data.rooms import Rooms
    from mt_torchattacks.data.taskonomy import TinyTaskonomy
    from mt_torchattacks.data.two_digits import TwoDigits
else:
    lazily(__name__)

__all__ = [
    "DATASETS",
    "READERS",
    "Cityscapes",
    "JointAugmentation",
    "NYUv2",
    "NamedDataset",
    "RandomMirror",
    "Rooms",
    "TinyTaskonomy",
    "TwoDigits",
    "check_data",
    "class_pixels",
    "dataset_names",
    "prior_factor",
]
