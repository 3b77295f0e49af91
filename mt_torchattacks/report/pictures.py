"""Outputs and targets of a task as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from mt_torchattacks.tasks.kinds import Drawing, Kind, find

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Picture(Drawing):
    """What ``imshow`` needs: ``(H, W, 3)`` colours, or ``(H, W)`` numbers with the range of the colour map."""

    def draw(self, axes: Axes) -> Any:
        """Show the picture without ticks; what matplotlib returns for it."""
        axes.set_xticks([])
        axes.set_yticks([])
        return axes.imshow(
            self.values.numpy(), cmap="viridis_r", vmin=self.low, vmax=self.high, interpolation="nearest"
        )


def pictures(task: str | Kind, samples: Sequence[Tensor], size: tuple[int, int] | None = None) -> list[Picture]:
    """Pictures of one task's target and outputs for one image, of one scale.

    Its kind says how they are drawn (:meth:`~mt_torchattacks.tasks.kinds.Kind.drawn`): segmentation is coloured by
    class (black where ignored) and normals by their direction; of other maps those with three channels are colours, the
    rest numbers (their first channel) on the range of the first sample.

    Args:
        task: the task's name, or its kind.
        samples: target and outputs, each without a batch dimension.
        size: height and width of the image, for what has no pixels itself, such as boxes.
    """
    kind = find(task) if isinstance(task, str) else task
    target, *outputs = [sample.detach().cpu() for sample in samples]
    return [Picture(drawn.values, drawn.low, drawn.high) for drawn in kind.drawn(target, outputs, size)]
