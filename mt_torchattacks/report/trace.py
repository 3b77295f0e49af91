"""The figure 'what the attack did': how much each task was harmed, what it weighed, and how far the image moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.objective.trace import Trace
from mt_torchattacks.report.style import COLOURS, LINES, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CLEAN = ("#595959", "--", "from the clean image")


def trace_figure(trace: Trace, run: int = 0) -> Figure:
    """Means over the samples at each step of one run: relative loss increases, shares of the weights, moves.

    Args:
        trace: what :func:`~mt_torchattacks.trace` kept.
        run: which run, see :class:`~mt_torchattacks.objective.Step`.

    Raises:
        ValueError: there is no such run.
        ImportError: matplotlib is not installed.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> attack = mta.PGD(torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1()), eps=0.1, alpha=0.05, steps=3)
        >>> with mta.trace() as found:
        ...     _ = attack(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)})
        >>> len(trace_figure(found).axes)
        3
    """
    chosen = [i for i, step in enumerate(trace.steps) if step.run == run]
    runs = {step.run for step in trace.steps}
    checks.require(bool(chosen), "run", f"one of {sorted(runs)}" if runs else "a trace of an attack's steps", run)
    steps = [trace.steps[i] for i in chosen]
    figure = new_figure(11, 3.4)
    harm, weights, moves = figure.subplots(1, 3)
    harm.set_ylabel("loss over the clean one (%)")
    weights.set_ylabel("share of the weights (%)")
    moves.set_ylabel("largest change of a pixel (1/255)")
    _by_task(harm, [{task: 100 * rise for task, rise in step.rises.items()} for step in steps])
    harm.legend(frameon=False)
    if steps[0].weights:
        _by_task(weights, [_shares(step.weights) for step in steps])
        weights.set_ylim(0, 100)
    else:
        weights.text(0.5, 0.5, "this rule weighs gradients,\nnot losses", ha="center", transform=weights.transAxes)
    for values, look in ((trace.moves, ("#0072B2", "-", "since the last step")), (trace.distances, _CLEAN)):
        colour, line, label = look
        moves.plot([255 * _mean(values[i]) for i in chosen], color=colour, linestyle=line, label=label)
    moves.legend(frameon=False)
    for axes in (harm, weights, moves):
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
