"""Curves of ARP against queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mt_torchattacks import checks
from mt_torchattacks.report.style import head, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

_OTHERS = ("attack", "queries", "score", "above_noise", "total")
_CURVES = ("#D55E00", "#1F5F99", "#009E73")
_REFERENCES = (("#8A8A8A", ":"), ("#8A8A8A", "-."), ("#000000", "--"))


def query_figure(table: DataFrame, title: str = "Harm by number of queries") -> Figure:
    """One panel for the ARP in total and one for each task: a curve for each attack, a level line for each reference.

    Args:
        table: what :meth:`~mt_torchattacks.evaluation.QueryCurve.to_frame` returns, of one attack or several below each
            other.
        title: heading of the figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the table has no point of a curve.
    """
    checks.require(bool((table["queries"] > 0).any()), "table", "at least one point of a curve", "none")
    measures = ["total", *(column for column in table.columns if column not in _OTHERS)]
    figure = new_figure(1.0 + 3.3 * len(measures), 4.2)
    panels = figure.subplots(1, len(measures), squeeze=False)[0]
    for axes, measure in zip(panels, measures, strict=True):
        _panel(axes, table, measure)
        axes.set_title("mean of tasks" if measure == "total" else measure, fontsize=11)
    panels[0].set_ylabel("ARP (%)", fontsize=10)
    head(figure, title)
    return figure


def _panel(axes: Axes, table: DataFrame, measure: str) -> None:
    points, references = table[table["queries"] > 0], table[table["queries"] == 0].drop_duplicates("attack")
    curves = list(dict.fromkeys(points["attack"]))
    for i, attack in enumerate(curves):
        rows = points[points["attack"] == attack]
        colour = _CURVES[i % len(_CURVES)]
        axes.plot(rows["queries"], rows[measure], marker="o", markersize=3.5, color=colour, label=attack)
    for i, (attack, level) in enumerate(zip(references["attack"], references[measure], strict=True)):
        colour, dashes = _REFERENCES[i % len(_REFERENCES)]
        axes.axhline(level, color=colour, linestyle=dashes, linewidth=1.2, label=attack)
    axes.set_xscale("log")
    axes.minorticks_off()
    ticks = sorted(set(points["queries"]))
    axes.set_xticks(ticks, [str(tick) for tick in ticks], fontsize=9)
    axes.set_xlabel("queries for each image", fontsize=10)
    axes.margins(y=0.06)
    plain(axes)
