"""Bars of average relative performance for each rule and attack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mt_torchattacks import checks
from mt_torchattacks.figures import new_figure, plain, rule_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

_KEYS = ("attack", "rule", "eps")
_GROUP = 0.86  # share of a group's width that its bars fill


def arp_figure(table: DataFrame, title: str = "Average relative performance under attack") -> Figure:
    """Bars in groups, as in 'Attacking All Tasks at Once', figure 1: one panel for the total and one for each task.

    Args:
        table: what :func:`~mt_torchattacks.report.arp_table` returns. Groups are its attacks, bars its rules, columns
            of panels its eps, rows of panels the total and the tasks.
        title: heading of the figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the table is empty.
    """
    checks.require(len(table) > 0, "table", "at least one row", "none")
    measures = ["total", *(column for column in table.columns if column not in (*_KEYS, "total"))]
    sizes = list(dict.fromkeys(table["eps"]))
    colours = rule_colours(list(dict.fromkeys(table["rule"])))
    figure = new_figure(1.2 + 5.9 * len(sizes), 2.2 + 2.15 * len(measures))
    panels = figure.subplots(len(measures), len(sizes), squeeze=False, sharey="row", sharex="col",
                             height_ratios=[1.5] + [1.0] * (len(measures) - 1))  # fmt: skip
    for row, measure in zip(panels, measures, strict=True):
        for axes, eps in zip(row, sizes, strict=True):
            _groups(axes, table[table["eps"] == eps], measure, colours)
        row[0].set_ylabel("mean of tasks: ARP (%)" if measure == "total" else f"{measure}: ARP (%)", fontsize=10)
    for axes, eps in zip(panels[0], sizes, strict=True):
        axes.set_title(f"eps = {eps}/255" if eps else "", fontsize=11)
    _head(figure, title, colours)
    return figure


def _groups(axes: Axes, table: DataFrame, measure: str, colours: Mapping[str, str]) -> None:
    attacks = list(dict.fromkeys(table["attack"]))
    width = _GROUP / len(colours)
    for position, (rule, colour) in enumerate(colours.items()):
        rows = table[table["rule"] == rule]
        places = [attacks.index(attack) + (position - (len(colours) - 1) / 2) * width for attack in rows["attack"]]
        bars = axes.bar(places, rows[measure], width=0.94 * width, color=colour)
        size = 7 if measure == "total" else 6
        axes.bar_label(bars, fmt="%.0f", fontsize=size, padding=1.5, color="#333333")
    axes.set_xticks(range(len(attacks)), [attack.upper() for attack in attacks], fontsize=10)
    axes.tick_params(axis="x", length=0, labelbottom=True)
    axes.axhline(0, color="#333333", linewidth=0.8)
    axes.margins(x=0.02, y=0.12)
    plain(axes)


def _head(figure: Figure, title: str, colours: Mapping[str, str]) -> None:
    patches = checks.optional("matplotlib.patches", extra="plot")
    height = figure.get_figheight()
    figure.suptitle(title, fontsize=13, y=1 - 0.12 / height, va="top")
    figure.legend(
        handles=[patches.Patch(color=colour, label=rule) for rule, colour in colours.items()],
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - 0.42 / height),
        ncols=len(colours),
        frameon=False,
        fontsize=9,
        columnspacing=1.4,
        handlelength=1.2,
    )
    note = "ARP: mean relative change of the tasks' metrics, worse is positive; higher bars are stronger attacks."
    figure.text(0.5, 0.1 / height, note, ha="center", va="bottom", fontsize=9, color="#555555")
    figure.tight_layout(rect=(0, 0.3 / height, 1, 1 - 0.6 / height), h_pad=1.2)
