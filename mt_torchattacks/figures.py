"""What the figures share: colours that colour-blind readers can tell apart, and figures that touch no global state."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mt_torchattacks import checks
from mt_torchattacks.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = ("-", "--", "-.", ":")
"""What tells lines apart where colours do not."""

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""What tells things apart that are no rules: models, tasks, attacks; after Okabe and Ito."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""What tells points apart where colours do not."""

_FORMATS = ("png", "pdf", "svg")
_RULE_COLOURS = {
    "total": "#595959",
    "sign_total": "#E69F00",
    "dgba": "#D55E00",
    "relative": "#CC79A7",
    "wgd": "#F0E442",
    "max_min": "#0072B2",
    "capped": "#009E73",
}
_OTHER_COLOURS = ("#A9D6F0", "#56A3D1", "#1F5F99", "#009E73", "#66C2A5", "#000000")
"""Both after Okabe and Ito: warm for rules over all tasks, cool for single tasks and anything else."""


def rule_colours(rules: Sequence[str]) -> dict[str, str]:
    """A colour for each rule, the same in every figure for the named ones."""
    others = [rule for rule in rules if rule not in _RULE_COLOURS]
    cool = {rule: _OTHER_COLOURS[i % len(_OTHER_COLOURS)] for i, rule in enumerate(others)}
    return {rule: (_RULE_COLOURS | cool)[rule] for rule in rules}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, drawn by Agg, apart from pyplot, its backend and rcParams.

    Raises:
        ImportError: matplotlib is not installed.
    """
    figure: Figure = checks.optional("matplotlib.figure", extra="plot").Figure(
        figsize=(width, height), facecolor="white"
    )
    checks.optional("matplotlib.backends.backend_agg", extra="plot").FigureCanvasAgg(figure)
    return figure


def head(figure: Figure, title: str) -> None:
    """Above a row of panels a title, below it the first panel's legend in one line."""
    figure.suptitle(title, fontsize=13, y=0.98, va="top")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.93), ncols=len(labels), frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.88))


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a picture, with its folders; what is at the path is the old picture or the new one, never half of it.

    Args:
        figure: of matplotlib.
        path: its ending says what is written: ``.png``, ``.pdf`` or ``.svg``.

    Raises:
        OSError: the file cannot be written.
        ValueError: another ending.
    """
    ending = Path(path).suffix.removeprefix(".").lower()
    checks.one_of(ending, f"ending of {path}", _FORMATS)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=150, format=ending)
    write_whole(path, drawn.getvalue())


def plain(axes: Axes, values: Literal["x", "y"] = "y") -> None:
    """Leave of the frame only what helps to read values: the left and lower line, and a light grid.

    Args:
        axes: of a figure.
        values: the axis that values are read on, across which the grid's lines go.
    """
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis=values, color="#DDDDDD", linewidth=0.7)
    axes.set_axisbelow(True)
