"""A layout as a text tree for people."""

from __future__ import annotations

from collections.abc import Sequence

from mt_torchattacks import checks
from mt_torchattacks.models.layouts.partitions import Group, Partition


def tree(blocks: Sequence[Partition], task_names: Sequence[str]) -> str:
    """Draw a layout's blocks as lines of text; see :meth:`mt_torchattacks.models.Layout.tree`."""
    tasks = tuple(sorted(task for group in blocks[0] for task in group))
    checks.require(len(task_names) == len(tasks), "task_names", f"{len(tasks)} names", f"{len(task_names)} names")
    return "\n".join(["image", *_branches(blocks, task_names, tasks, 0)])


def _branches(blocks: Sequence[Partition], names: Sequence[str], tasks: Group, block: int) -> list[str]:
    """The lines below a group of tasks whose next block is ``block``."""
    if block == len(blocks):
        return []
    groups = [group for group in blocks[block] if set(group) <= set(tasks)]
    lines = []
    for group in groups:
        stop = block + 1
        while stop < len(blocks) and group in blocks[stop]:
            stop += 1
        where = f"block {block}" if stop == block + 1 else f"blocks {block}-{stop - 1}"
        last = group is groups[-1]
        lines.append(f"{'└──' if last else '├──'} {where}: {', '.join(names[task] for task in group)}")
        lines += [f"{' ' if last else '│'}   {line}" for line in _branches(blocks, names, group, stop)]
    return lines
