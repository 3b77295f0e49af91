"""The 40 classes of NYUv2 (Gupta et al., 2013) and the usual mapping to 13 (Couprie et al., 2013)."""

from __future__ import annotations

import torch
from torch import Tensor

NAMES_40 = (
    "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door",
    "window", "bookshelf", "picture", "counter", "blinds", "desk", "shelves", "curtain",
    "dresser", "pillow", "mirror", "floor mat", "clothes", "ceiling", "books", "refrigerator",
    "television", "paper", "towel", "shower curtain", "box", "whiteboard", "person", "night stand",
    "toilet", "sink", "lamp", "bathtub", "bag", "otherstructure", "otherfurniture", "otherprop",
)  # fmt: skip

NAMES_13 = (
    "bed", "books", "ceiling", "chair", "floor", "furniture", "objects",
    "picture", "sofa", "table", "television", "wall", "window",
)  # fmt: skip

_MEMBERS = {
    "bed": ("bed",),
    "books": ("books",),
    "ceiling": ("ceiling",),
    "chair": ("chair",),
    "floor": ("floor", "floor mat"),
    "furniture": (
        "cabinet", "bookshelf", "counter", "shelves", "dresser", "refrigerator", "night stand", "otherfurniture",
    ),
    "picture": ("picture",),
    "sofa": ("sofa",),
    "table": ("table", "desk"),
    "television": ("television",),
    "wall": ("wall", "door"),
    "window": ("window", "blinds", "curtain"),
}  # fmt: skip

LABEL = {name: index for index, name in enumerate(NAMES_40)}
"""Index of each of the 40 classes."""


def _to_13() -> Tensor:
    coarse = {fine: name for name, members in _MEMBERS.items() for fine in members}
    return torch.tensor([NAMES_13.index(coarse.get(name, "objects")) for name in NAMES_40])


CLASS_NAMES = {40: NAMES_40, 13: NAMES_13}
"""Class names for each number of classes."""

FROM_40 = {40: torch.arange(40), 13: _to_13()}
"""For each number of classes, the class of each of the 40."""
