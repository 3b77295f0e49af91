"""What a backbone is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import nn

Block: TypeAlias = Callable[[], nn.Module]
"""Builds one copy of a block, with fresh weights."""


@dataclass(frozen=True)
class Backbone:
    """The parts that a branched model is built of.

    Args:
        blocks: one builder per branching point; the modules that they return are run one after the other. A model
            calls a builder once for each group of tasks that shares the block.
        head: builds a task's head for a number of output channels. The head takes the list of the features after each
            block on its task's path and returns ``(N, channels, h, w)`` at any resolution.
        mean, std: the images are normalized with these, per channel.
    """

    blocks: Sequence[Block]
    head: Callable[[int], nn.Module]
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
