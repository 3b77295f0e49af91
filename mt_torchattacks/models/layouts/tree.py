"""A layout as a text tree for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mt_torchattacks import checks

if TYPE_CHECKING:
    from mt_torchattacks.models.layouts.layout import Layout
    from mt_torchattacks.models.layouts.partitions import Group


def tree(layout: Layout, task_names: Sequence[str]) -> str:
    """Draw the layout as lines of text; see :meth:`Layout.tree`."""
    checks.require(
        len(task_names) == layout.num_tasks, "task_names", f"{layout.num_tasks} names", f"{len(task_names)} names"
    )
    return "\n".join(["image", *_branches(layout, task_names, layout.tasks, 0)])


def _branches(layout: Layout, names: Sequence[str], tasks: Group, block: int) -> list[str]:
    """The lines below a group of tasks whose next block is ``block``."""
    if block == layout.num_blocks:
        return []
    groups = [group for group in layout.blocks[block] if set(group) <= set(tasks)]
    lines = []
    for group in groups:
        stop = block + 1
        while stop < layout.num_blocks and group in layout.blocks[stop]:
            stop += 1
        where = f"block {block}" if stop == block + 1 else f"blocks {block}-{stop - 1}"
        last = group is groups[-1]
        lines.append(f"{'└──' if last else '├──'} {where}: {', '.join(names[task] for task in group)}")
        lines += [f"{' ' if last else '│'}   {line}" for line in _branches(layout, names, group, stop)]
    return lines
