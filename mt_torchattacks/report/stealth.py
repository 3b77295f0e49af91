"""Curves of the damage to attacked tasks against the harm to preserved ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mt_torchattacks import checks
from mt_torchattacks.evaluation.stealth import LIMIT, StealthCurve
from mt_torchattacks.report.style import head, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {"budget": "#D55E00", "minus sign": "#1F5F99", "none": "#000000"}
_GOAL = 80.0  # percent of the damage without restraint


def stealth_figure(curves: Sequence[StealthCurve], title: str = "Stealthy attacks") -> Figure:
    """One panel for each set of attacked tasks: damage against the harm to the preserved task that is harmed most.

    Shaded is where stealth costs less than a fifth of the damage and harms no preserved task by more than 5 %.

    Args:
        curves: what :func:`~mt_torchattacks.evaluation.stealth_curve` returns.
        title: heading of the figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there is no curve.
    """
    checks.require(len(curves) > 0, "curves", "at least one", "none")
    figure = new_figure(0.9 + 3.7 * len(curves), 4.3)
    panels = figure.subplots(1, len(curves), squeeze=False, sharex=True, sharey=True)[0]
    for axes, curve in zip(panels, curves, strict=True):
        _panel(axes, curve)
    left, top = panels[0].get_xlim()[0], 1.15 * max(100.0, *panels[0].dataLim.intervaly)
    panels[0].set(xlim=(left, None), ylim=(0, top))
    for axes in panels:
        axes.fill_between((left, 100 * LIMIT), _GOAL, top, color="#009E73", alpha=0.1, linewidth=0)
    panels[0].set_ylabel("damage, % of that without restraint", fontsize=10)
    head(figure, title)
    return figure


def _panel(axes: Axes, curve: StealthCurve) -> None:
    for form, colour in _COLOURS.items():
        points = [i for i, restraint in enumerate(curve.restraints) if restraint.form == form]
        harm = [100 * float(curve.harm(i).mean(dim=0).amax()) for i in points]
        damage = [100 * curve.damage(i) for i in points]
        axes.plot(harm, damage, marker="o", markersize=4.5, color=colour, label=form)
        for i, x, y in zip(points, harm, damage, strict=True):
            label = f"{curve.restraints[i].size:g}" if form != "none" else ""
            axes.annotate(label, (x, y), xytext=(4, -9), textcoords="offset points", fontsize=7, color=colour)
    axes.set_xscale("symlog", linthresh=10)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_title(f"attacked: {', '.join(curve.attacked)}", fontsize=11)
    axes.set_xlabel("mean rise of the most harmed preserved loss, %", fontsize=9)
    plain(axes)
