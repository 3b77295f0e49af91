"""Where iterates may be: norm balls and their projections, ranges of pixel values; for inputs of any shape."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.geometry.ball import NORMS, Ball, along, length, steepest, unit
    from mt_torchattacks.geometry.box import Bounds, Box, PerChannel, by_channel, one_channel_each
    from mt_torchattacks.geometry.shape import as_images, dims, spread, spread_channels, where
else:
    lazily(__name__)

__all__ = [
    "NORMS",
    "Ball",
    "Bounds",
    "Box",
    "PerChannel",
    "along",
    "as_images",
    "by_channel",
    "dims",
    "length",
    "one_channel_each",
    "spread",
    "spread_channels",
    "steepest",
    "unit",
    "where",
]
