"""The drawing of a layout: where the lines run, what the stations join, what is written."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import PathPatch

from mt_torchattacks.models import Layout
from mt_torchattacks.report.layouts import layout_figure, task_lanes

SIDE_BY_SIDE, APART = 0.12, 0.2  # inches


def random_layout(num_tasks: int, num_blocks: int, seed: int) -> Layout:
    return Layout.random(num_tasks, num_blocks, torch.Generator().manual_seed(seed))


layouts = st.builds(random_layout, st.integers(1, 12), st.integers(1, 6), st.integers(0, 10**6))


@given(layouts)
@settings(max_examples=60)
def test_lines_never_cross_and_run_side_by_side_where_tasks_share_a_block(layout: Layout) -> None:
    lanes = task_lanes(layout)
    assert len(lanes) == layout.num_blocks + 2
    assert len({tuple(sorted(layout.tasks, key=lane.__getitem__)) for lane in lanes}) == 1  # one order everywhere
    for partition, lane in zip(layout.blocks, lanes[1:-1], strict=True):
        group_of = {task: group for group in partition for task in group}
        ordered = sorted(layout.tasks, key=lane.__getitem__)
        for below, above in pairwise(ordered):
            gap = lane[above] - lane[below]
            assert (gap < SIDE_BY_SIDE) if group_of[below] == group_of[above] else (gap > APART)


@pytest.mark.parametrize("num_tasks", range(2, 13))
def test_a_figure_has_a_line_a_task_and_a_station_a_copy(num_tasks: int) -> None:
    layout = random_layout(num_tasks, 4, num_tasks)
    names = [f"name {task}" for task in layout.tasks]
    (axes,) = layout_figure(layout, names, "title").axes
    paths = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
    assert len(paths) == num_tasks == len({path.get_edgecolor() for path in paths})
    stations = [line for line in axes.lines if line.get_marker() == "o"]
    copies = sum(len(partition) for partition in layout.blocks)
    assert len(stations) == 2 * (1 + copies + num_tasks)  # an edge and an inside each: image, copies, heads
    texts = [text.get_text() for text in axes.texts]
    assert texts[0] == "title" and texts[-num_tasks:] == names
    shared = [f"{len(p)} copies" if len(p) > 1 else "shared" for p in layout.blocks]
    assert [text for text in texts if text == "shared" or text.endswith("copies")] == shared


def test_lines_run_through_their_stations_and_end_at_their_names() -> None:
    layout = Layout.parse("[[[0, 1, 2]], [[0, 2], [1]]]")
    (axes,) = layout_figure(layout, ["a", "b", "c"]).axes
    lanes = task_lanes(layout)
    step = (axes.patches[0].get_path().vertices[-1, 0]) / 3
    spans = {(round(s.get_xdata()[0] / step), *sorted(s.get_ydata())) for s in axes.lines if s.get_marker() == "o"}
    assert (2, *sorted((lanes[2][0], lanes[2][2]))) in spans  # tasks 0 and 2 share block 1
    assert (2, lanes[2][1], lanes[2][1]) in spans
    for task, patch in enumerate(axes.patches):
        vertices = patch.get_path().vertices
        assert vertices[::3, 1].tolist() == [lane[task] for lane in lanes]
        name = axes.texts[-3 + task]
        assert name.get_position()[1] == lanes[-1][task] and name.get_position()[0] > vertices[-1, 0]


def test_everything_written_is_inside_the_figure() -> None:
    names = ["segmentation", "a long name of a task", "depth"]
    figure = layout_figure(Layout.named("nyuv2/41"), names, "nyuv2/41")
    figure.canvas.draw()
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height


def test_a_name_for_each_task() -> None:
    with pytest.raises(ValueError, match="task_names: expected 3 names, found 1 names"):
        layout_figure(Layout.all_shared(3, 2), ["a"])
