"""Outputs and targets of a task as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mt_torchattacks import checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_IGNORED = (0.0, 0.0, 0.0)
_CLASS_COLOURS = (
    "#1F77B4", "#AEC7E8", "#FF7F0E", "#FFBB78", "#2CA02C", "#98DF8A", "#D62728", "#FF9896", "#9467BD", "#C5B0D5",
    "#8C564B", "#C49C94", "#E377C2", "#F7B6D2", "#7F7F7F", "#C7C7C7", "#BCBD22", "#DBDB8D", "#17BECF", "#9EDAE5",
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """What ``imshow`` needs: ``(H, W, 3)`` colours, or ``(H, W)`` numbers with the range of the colour map."""

    values: Tensor
    low: float | None = None
    high: float | None = None

    def draw(self, axes: Axes) -> Any:
        """Show the picture without ticks; what matplotlib returns for it."""
        axes.set_xticks([])
        axes.set_yticks([])
        return axes.imshow(
            self.values.numpy(), cmap="viridis_r", vmin=self.low, vmax=self.high, interpolation="nearest"
        )


def class_colour(index: int) -> str:
    """The colour of a class."""
    return _CLASS_COLOURS[index % len(_CLASS_COLOURS)]


def classes(values: Tensor) -> Tensor:
    """Class indices ``(H, W)`` of a sample: the labels themselves, or those with the highest scores ``(K, H, W)``."""
    return values.argmax(dim=0) if values.is_floating_point() else values


def pictures(task: str, samples: Sequence[Tensor]) -> list[Picture]:
    """Pictures of one task's target and outputs for one image, of one scale.

    ``segmentation`` is coloured by class (black where ignored) and ``normal`` by its direction; of the other tasks
    those with three channels are colours, the rest numbers (their first channel) on the range of the first sample.

    Args:
        task: the task's name.
        samples: target and outputs, each without a batch dimension.
    """
    samples = [sample.detach().cpu() for sample in samples]
    if task == "segmentation":
        return [Picture(_class_colours(classes(sample))) for sample in samples]
    if task == "normal":
        return [Picture(_normal_colours(sample)) for sample in samples]
    if len(samples[0]) == 3:
        return [Picture(sample.clamp(0, 1).permute(1, 2, 0)) for sample in samples]
    low, high = _range(samples[0][0], positive=task.startswith("depth"))
    return [Picture(sample[0].float(), low, high) for sample in samples]


def _class_colours(labels: Tensor) -> Tensor:
    to_rgb = checks.optional("matplotlib.colors", extra="plot").to_rgb
    palette = torch.tensor([to_rgb(class_colour(index)) for index in range(255)] + [_IGNORED])
    return palette[labels.clamp(0, 255).where(labels >= 0, 255)]


def _normal_colours(vectors: Tensor) -> Tensor:
    """Right is red, up is green, towards the camera is blue, as most figures have it; black where invalid."""
    unit = F.normalize(vectors.float(), dim=0) * torch.tensor([1.0, -1.0, -1.0]).reshape(3, 1, 1)
    return torch.where((vectors != 0).any(dim=0, keepdim=True), (unit + 1) / 2, 0).permute(1, 2, 0)


def _range(target: Tensor, *, positive: bool) -> tuple[float, float]:
    valid = target[target > 0] if positive else target
    return (float(valid.min()), float(valid.max())) if valid.numel() else (0.0, 1.0)
