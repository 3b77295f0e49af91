"""Set partitions: listing them, counting their refinements, choosing one at random, and a layout of them as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from math import comb
from typing import TypeAlias

import torch

from mt_torchattacks import checks

Group: TypeAlias = tuple[int, ...]
"""Tasks that share a block, in ascending order."""

Partition: TypeAlias = tuple[Group, ...]
"""Groups that hold each task once, ordered by their first task."""


def partitions(items: Sequence[int]) -> Iterator[Partition]:
    """All partitions of ascending ``items``, from one group to single items.

    The order is the lexicographic one of restricted growth strings (the n-th entry is the n-th item's group).

    Example:
        >>> list(partitions((0, 1)))
        [((0, 1),), ((0,), (1,))]
    """
    strings = [()] if not items else [(0,)]
    for _ in items[1:]:
        strings = [(*string, group) for string in strings for group in range(max(string) + 2)]
    for string in strings:
        yield tuple(
            tuple(item for item, group in zip(items, string, strict=True) if group == wanted)
            for wanted in sorted(set(string))
        )


def refinements(partition: Partition) -> list[Partition]:
    """All partitions that refine ``partition``, each group kept or split, in the order of :func:`partitions`.

    Example:
        >>> refinements(((0, 2), (1,)))
        [((0, 2), (1,)), ((0,), (1,), (2,))]
    """
    splits = product(*(tuple(partitions(group)) for group in partition))
    return sorted((tuple(sorted(group for groups in split for group in groups)) for split in splits), key=_growth)


@cache
def chains(size: int, length: int) -> int:
    """The number of sequences of ``length`` partitions of ``size`` items, each refining the one before.

    The group of the first item has k items, in one of (size - 1 choose k - 1) ways; it is then refined by itself, and
    so are the other items.
    """
    return 1 if size == 0 or length == 0 else sum(_chains_by_first_group(size, length))


def random_refinement(partition: Partition, length: int, generator: torch.Generator | None) -> Partition:
    """The first of ``length`` successive refinements of ``partition``, all sequences being equally likely."""
    chosen: list[Group] = []
    for group in partition:
        left = group
        while left:
            weights = torch.tensor(_chains_by_first_group(len(left), length), dtype=torch.float64)
            others = int(torch.multinomial(weights, 1, generator=generator))
            order = torch.randperm(len(left) - 1, generator=generator)[:others] + 1
            taken = {0, *order.tolist()}
            chosen.append(tuple(item for place, item in enumerate(left) if place in taken))
            left = tuple(item for place, item in enumerate(left) if place not in taken)
    return tuple(sorted(chosen))


def _growth(partition: Partition) -> list[int]:
    """The restricted growth string: the number of each item's group."""
    return [number for _, number in sorted((item, number) for number, group in enumerate(partition) for item in group)]


def _chains_by_first_group(size: int, length: int) -> list[int]:
    """:func:`chains`, for each size of the group of the first item, from 1 on."""
    return [comb(size - 1, k - 1) * chains(k, length - 1) * chains(size - k, length) for k in range(1, size + 1)]


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
