"""The data sets by name."""

from __future__ import annotations

from typing import Any

from mt_torchattacks.lazy import LazyDict

DATASETS: LazyDict[Any] = LazyDict(
    {
        "rooms": "mt_torchattacks.data.rooms:Rooms",
        "nyuv2": "mt_torchattacks.data.nyuv2:NYUv2",
        "tiny_taskonomy": "mt_torchattacks.data.taskonomy:TinyTaskonomy",
        "cityscapes": "mt_torchattacks.data.cityscapes:Cityscapes",
    }
)
"""Every data set, by the name that it has on the command line; another package adds its own here."""
