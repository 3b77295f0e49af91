"""Where iterates may be: norm balls and their projections, ranges of pixel values; for inputs of any shape."""

from mt_torchattacks.geometry.ball import NORMS, Ball, along, length, steepest, unit
from mt_torchattacks.geometry.box import Bounds, Box, PerChannel, by_channel, one_channel_each

__all__ = [
    "NORMS",
    "Ball",
    "Bounds",
    "Box",
    "PerChannel",
    "along",
    "by_channel",
    "length",
    "one_channel_each",
    "steepest",
    "unit",
]
