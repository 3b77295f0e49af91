"""A drawing of a layout, like a map of metro lines: tasks are lines, copies of a block are the stations they share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from mt_torchattacks import checks
from mt_torchattacks.figures import new_figure
from mt_torchattacks.models import Layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
    "#882255", "#8C8C1E", "#332288", "#44AA99", "#8B5A2B", "#4D4D4D",
)  # fmt: skip
_INK, _PALE, _GUIDE = "#262626", "#7A7A7A", "#E6E6E6"

_HEADS, _LANES = 0.42, 0.115  # inches between heads, and between lines in one station
_HEADER, _MARGIN, _ROOM = 0.62, 0.32, 0.2  # inches above the lines, around all, and around a head
_LINE, _STATION = 4.5, 15  # widths in points


def layout_figure(layout: Layout, task_names: Sequence[str], title: str = "") -> Figure:
    """Draw a layout: blocks from left to right, each task a coloured line from the image to its head.

    Lines that run through one station share that copy of the block; from where they part, the tasks have copies of
    their own.

    Args:
        layout: for up to 12 tasks in colours of their own.
        task_names: of the heads, in the layout's order.
        title: heading of the figure.

    Raises:
        ImportError: matplotlib is not installed (extra ``plot``).
        ValueError: not one name for each task.

    Example:
        >>> figure = layout_figure(Layout.named("nyuv2/41"), ["segmentation", "normal", "depth"])
        >>> [text.get_text() for text in figure.axes[0].texts][-3:]
        ['segmentation', 'normal', 'depth']
    """
    count = layout.num_tasks
    checks.require(len(task_names) == count, "task_names", f"{count} names", f"{len(task_names)} names")
    lanes = task_lanes(layout)
    steepest = max(abs(after - before) for lane in zip(*lanes, strict=True) for before, after in pairwise(lane))
    step = max(1.15, steepest)
    end = step * (layout.num_blocks + 1)
    half = max(count - 1, 1) * _HEADS / 2 + _ROOM
    top = half + _HEADER + (0.38 if title else 0)
    right = end + _ROOM + 0.092 * max(len(name) for name in task_names)
    figure = new_figure(right + 2 * _MARGIN, half + top + _MARGIN)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(-_MARGIN, right + _MARGIN), ylim=(-half - _MARGIN, top))
    axes.set_axis_off()
    if title:
        axes.text(-0.12, top - 0.28, title, fontsize=12, color=_INK, weight="bold", va="center")
    _columns(axes, layout, step, half)
    _lines(axes, layout, step)
    for place, name in zip(lanes[-1], task_names, strict=True):
        axes.text(end + _ROOM, place, name, fontsize=11, color=_INK, va="center_baseline")
    return figure


def task_lanes(layout: Layout) -> list[list[float]]:
    """The height of each task's line, in inches: at the image, at each block, at the heads.

    Tasks are ordered such that those of a group lie side by side in every block, so that no lines cross.
    """
    paths = {task: [next(g[0] for g in partition if task in g) for partition in layout.blocks] for task in layout.tasks}
    order = sorted(layout.tasks, key=lambda task: (paths[task], task))
    heads = [((layout.num_tasks - 1) / 2 - order.index(task)) * _HEADS for task in layout.tasks]
    lanes = []
    for partition in ((layout.tasks,), *layout.blocks):
        places = [0.0] * layout.num_tasks
        for group in partition:
            middle = sum(heads[task] for task in group) / len(group)
            for rank, task in enumerate(sorted(group, key=order.index)):
                places[task] = middle + ((len(group) - 1) / 2 - rank) * _LANES
        lanes.append(places)
    return [*lanes, heads]


def _columns(axes: Axes, layout: Layout, step: float, half: float) -> None:
    """A heading and a light guide for each column."""
    copies = ["", *(f"{n} copies" if (n := len(p)) > 1 else "shared" for p in layout.blocks), ""]
    headings = ["image", *(f"block {block}" for block in range(layout.num_blocks)), "heads"]
    for column, (heading, note) in enumerate(zip(headings, copies, strict=True)):
        axes.plot([column * step] * 2, [-half, half], color=_GUIDE, linewidth=1, zorder=0)
        axes.text(column * step, half + 0.36, heading, fontsize=11, color=_INK, ha="center", va="center")
        axes.text(column * step, half + 0.15, note, fontsize=9, color=_PALE, ha="center", va="center")


def _lines(axes: Axes, layout: Layout, step: float) -> None:
    """The tasks' lines, and the stations on top of them."""
    paths = checks.optional("matplotlib.path", extra="plot")
    patches = checks.optional("matplotlib.patches", extra="plot")
    lanes = task_lanes(layout)
    for task in layout.tasks:
        vertices, codes = [(0.0, lanes[0][task])], [paths.Path.MOVETO]
        for column, (before, after) in enumerate(pairwise(lane[task] for lane in lanes)):
            bend, end = (column + 0.5) * step, (column + 1) * step
            vertices += [(bend, before), (bend, after), (end, after)]
            codes += [paths.Path.CURVE4] * 3
        colour = _COLOURS[task % len(_COLOURS)]
        path = paths.Path(vertices, codes)
        axes.add_patch(patches.PathPatch(path, fill=False, edgecolor=colour, linewidth=_LINE, gid=f"task {task}"))
        _station(axes, end, [after], colour)
    _station(axes, 0, lanes[0], _INK, inside=_INK)
    for block, partition in enumerate(layout.blocks):
        for group in partition:
            _station(axes, (block + 1) * step, [lanes[block + 1][task] for task in group], _INK)


def _station(axes: Axes, x: float, places: Sequence[float], edge: str, inside: str = "white") -> None:
    """A capsule about the lines at ``x``: a thick line between two discs, and a thinner one on it."""
    for width, colour in ((_STATION, edge), (_STATION - 4, inside)):
        (line,) = axes.plot([x, x], [min(places), max(places)], "o-", color=colour, linewidth=width, zorder=3)
        line.set(markersize=width, markeredgewidth=0, solid_capstyle="butt")
