"""The figure 'what the attack did': how much each task was harmed, what it weighed, and how far the image moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mt_torchattacks.figures import COLOURS, LINES, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CLEAN = ("#595959", "--", "from the clean image")


def trace_figure(
    rises: Sequence[Mapping[str, Tensor]],
    weights: Sequence[Mapping[str, Tensor]],
    moves: Sequence[Tensor],
    distances: Sequence[Tensor],
) -> Figure:
    """Means over the samples at each step of one run: relative loss increases, shares of the weights, moves.

    Args:
        rises: at each step, each task's relative loss increase ``(M,)``.
        weights: at each step, each task's weight ``(M,)``; empty mappings for rules that look at gradients.
        moves: at each step, how far each sample has moved ``(M,)`` since the last one, in pixel values.
        distances: at each step, how far each sample is ``(M,)`` from its clean image, likewise.

    Raises:
        ImportError: matplotlib is not installed.
    """
    figure = new_figure(11, 3.4)
    harm, shares, path = figure.subplots(1, 3)
    harm.set_ylabel("loss over the clean one (%)")
    shares.set_ylabel("share of the weights (%)")
    path.set_ylabel("largest change of a pixel (1/255)")
    _by_task(harm, [{task: 100 * rise for task, rise in step.items()} for step in rises])
    harm.legend(frameon=False)
    if weights[0]:
        _by_task(shares, [_shares(step) for step in weights])
        shares.set_ylim(0, 100)
    else:
        shares.text(0.5, 0.5, "this rule weighs gradients,\nnot losses", ha="center", transform=shares.transAxes)
    for values, look in ((moves, ("#0072B2", "-", "since the last step")), (distances, _CLEAN)):
        colour, line, label = look
        path.plot([255 * _mean(value) for value in values], color=colour, linestyle=line, label=label)
    path.legend(frameon=False)
    for axes in (harm, shares, path):
        plain(axes)
        axes.set_xlabel("step")
    figure.tight_layout()
    return figure


def _by_task(axes: Axes, steps: Sequence[Mapping[str, Tensor]]) -> None:
    """A line for each task: the mean over the samples at each step."""
    for i, task in enumerate(steps[0]):
        (line,) = axes.plot([_mean(step[task]) for step in steps], label=task)
        line.set(color=COLOURS[i % len(COLOURS)], linestyle=LINES[i % len(LINES)])


def _shares(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each task's share of a sample's weights, in percent."""
    total = torch.stack(list(weights.values())).sum(dim=0)
    return {task: 100 * weight / total for task, weight in weights.items()}


def _mean(values: Tensor) -> float:
    return float(values.double().mean())
