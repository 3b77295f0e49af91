"""The layout of a branched model."""

from __future__ import annotations

import ast
import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import torch

from mt_torchattacks import checks
from mt_torchattacks.models.layouts.blocks import canonical, validate
from mt_torchattacks.models.layouts.partitions import Group, Partition, chains, random_refinement, refinements, tree


@dataclass(frozen=True)
class Layout:
    """Which tasks share which block of a backbone: for each block a partition of the tasks, each refining the last.

    Layouts are immutable and canonical (tasks ascend in a group, groups are ordered by their first task), so two
    spellings of the same layout are equal and hash alike. Blocks and tasks are counted from 0.

    Args:
        blocks: for each of the backbone's blocks the groups of tasks that share a copy of it, e.g.
            ``[[[0, 1, 2]], [[0, 1], [2]]]``: all tasks share block 0; tasks 0 and 1 share block 1, task 2 has its own.

    Raises:
        TypeError: not a nested sequence of task indices.
        ValueError: not a layout; the message says which block breaks which rule.

    Example:
        >>> layout = Layout.parse("[[{0, 1, 2}], [{2}, {1, 0}]]")
        >>> layout
        Layout('[[[0, 1, 2]], [[0, 1], [2]]]')
        >>> layout.shared_blocks, layout == Layout([[[0, 1, 2]], [[0, 1], [2]]])
        (1, True)
    """

    blocks: tuple[Partition, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", canonical(self.blocks))
        validate(self.blocks)

    @classmethod
    def parse(cls, layout: str | Layout | Sequence[Collection[Collection[int]]]) -> Layout:
        """Read a layout from text in the papers' notation (lists or sets), or from nested lists or sets.

        Raises:
            TypeError, ValueError: as :class:`Layout`, or text that is no such notation.
        """
        if isinstance(layout, Layout):
            return layout
        if isinstance(layout, str):
            try:
                layout = ast.literal_eval(layout.strip())
            except (ValueError, SyntaxError, TypeError, RecursionError):
                checks.fail("layout", "nested lists such as '[[[0, 1]], [[0], [1]]]'", repr(layout))
        return cls(layout)  # type: ignore[arg-type]

    @classmethod
    def all_shared(cls, num_tasks: int, num_blocks: int) -> Layout:
        """All tasks share all blocks."""
        return cls(((tuple(range(num_tasks)),),) * num_blocks)

    @classmethod
    def independent(cls, num_tasks: int, num_blocks: int) -> Layout:
        """No task shares a block with another."""
        return cls((tuple((task,) for task in range(num_tasks)),) * num_blocks)

    @classmethod
    def named(cls, name: str) -> Layout:
        """A published layout, e.g. ``"nyuv2/41"`` (see :func:`~mt_torchattacks.models.published_layouts`).

        Raises:
            ValueError: no such name; the message lists what is there.
        """
        checks.one_of(name, "name", published_rows())
        return cls.parse(published_rows()[name]["layout"])

    @classmethod
    def enumerate(cls, num_tasks: int, num_blocks: int) -> Iterator[Layout]:
        """All layouts, from all-shared to independent.

        The order is lexicographic in the blocks; within a block, in the restricted growth strings of its partition
        (the number of each task's group, groups numbered by their first task).

        Raises:
            ValueError: a number that is not positive.

        Example:
            >>> sum(1 for _ in Layout.enumerate(3, 5)) == Layout.count(3, 5) == 51
            True
        """
        _check_numbers(num_tasks, num_blocks)

        def extend(blocks: tuple[Partition, ...]) -> Iterator[Layout]:
            if len(blocks) == num_blocks + 1:
                yield cls(blocks[1:])
                return
            for partition in refinements(blocks[-1]):
                yield from extend((*blocks, partition))

        return extend(((tuple(range(num_tasks)),),))

    @staticmethod
    def count(num_tasks: int, num_blocks: int) -> int:
        """The number of layouts that :meth:`enumerate` gives."""
        _check_numbers(num_tasks, num_blocks)
        return chains(num_tasks, num_blocks)

    @classmethod
    def random(cls, num_tasks: int, num_blocks: int, generator: torch.Generator | None = None) -> Layout:
        """One of all layouts, each equally likely."""
        _check_numbers(num_tasks, num_blocks)
        blocks: list[Partition] = [(tuple(range(num_tasks)),)]
        for left in range(num_blocks, 0, -1):
            blocks.append(random_refinement(blocks[-1], left, generator))
        return cls(tuple(blocks[1:]))

    @property
    def num_blocks(self) -> int:
        """The number of blocks (branching points), B."""
        return len(self.blocks)

    @property
    def tasks(self) -> Group:
        """The tasks' indices, ``0 .. T-1``."""
        return tuple(sorted(task for group in self.blocks[0] for task in group))

    @property
    def num_tasks(self) -> int:
        """The number of tasks, T."""
        return len(self.tasks)

    @property
    def shared_blocks(self) -> int:
        """The number of blocks that all tasks share."""
        return sum(len(partition) == 1 for partition in self.blocks)

    def parent(self, block: int, group: Group) -> Group:
        """The group of the block before that holds ``group``; all tasks before block 0."""
        if block == 0:
            return self.tasks
        return next(wider for wider in self.blocks[block - 1] if group[0] in wider)

    def tree(self, task_names: Sequence[str]) -> str:
        """The layout as lines of text, a branch for each group of tasks.

        Example:
            >>> print(Layout.parse("[[[0, 1, 2]], [[0, 1], [2]], [[0], [1], [2]]]").tree(["seg", "normal", "depth"]))
            image
            └── block 0: seg, normal, depth
                ├── block 1: seg, normal
                │   ├── block 2: seg
                │   └── block 2: normal
                └── blocks 1-2: depth
        """
        return tree(self.blocks, task_names)

    def __str__(self) -> str:
        return str([[list(group) for group in partition] for partition in self.blocks])

    def __repr__(self) -> str:
        return f"Layout('{self}')"


def _check_numbers(num_tasks: int, num_blocks: int) -> None:
    checks.positive(num_tasks, "num_tasks")
    checks.positive(num_blocks, "num_blocks")


@cache
def published_rows() -> dict[str, dict[str, str]]:
    """The published layouts' rows by name, ``"nyuv2/41"``: columns ``model``, ``layout``, ``params_m``."""
    return {
        f"{data}/{row['model']}": row
        for data in ("nyuv2", "tiny_taskonomy")
        for row in csv.DictReader(resources.files(__package__).joinpath(f"{data}.csv").read_text("utf-8").splitlines())
    }
