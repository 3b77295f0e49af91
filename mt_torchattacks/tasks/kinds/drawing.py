"""What a picture of a target or an output shows, as tensors: no package that draws is needed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CLASS_COLOURS = (
    "#1F77B4", "#AEC7E8", "#FF7F0E", "#FFBB78", "#2CA02C", "#98DF8A", "#D62728", "#FF9896", "#9467BD", "#C5B0D5",
    "#8C564B", "#C49C94", "#E377C2", "#F7B6D2", "#7F7F7F", "#C7C7C7", "#BCBD22", "#DBDB8D", "#17BECF", "#9EDAE5",
)  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """A picture: colours ``(H, W, 3)`` in [0, 1], or numbers ``(H, W)`` and the range of the colour map."""

    values: Tensor
    low: float | None = None
    high: float | None = None


def class_colour(index: int) -> str:
    """The colour of a class, ``"#RRGGBB"``; after twenty classes the colours start again.

    Example:
        >>> class_colour(0), class_colour(20)
        ('#1F77B4', '#1F77B4')
    """
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


def class_colours(labels: Tensor, ignored: int) -> Tensor:
    """The colour of each label, ``(...)`` int64 to ``(..., 3)`` in [0, 1]; black where it is ``ignored`` or below 0.

    Example:
        >>> class_colours(torch.tensor([0, 255]), ignored=255)
        tensor([[0.1216, 0.4667, 0.7059],
                [0.0000, 0.0000, 0.0000]])
    """
    palette = torch.tensor([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in CLASS_COLOURS])
    there = (labels >= 0) & (labels != ignored)
    return torch.where(there[..., None], palette[labels % len(palette)], 0)


def spread(values: Tensor) -> tuple[float, float]:
    """The smallest and the largest of some numbers; 0 and 1 if there is none."""
    return (float(values.min()), float(values.max())) if values.numel() else (0.0, 1.0)
