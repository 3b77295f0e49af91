"""What a layout's blocks have to be: partitions of the tasks, each refining the one before."""

from __future__ import annotations

from collections.abc import Collection

from mt_torchattacks import checks
from mt_torchattacks.models.layouts.partitions import Group, Partition


def canonical(blocks: object) -> tuple[Partition, ...]:
    """Sort groups and their tasks; anything that is not nested collections of indices is a ``TypeError``."""
    return tuple(
        tuple(sorted(_group(group, f"block {b}") for group in _items(partition, f"block {b}")))
        for b, partition in enumerate(_items(blocks, "layout"))
    )


def _group(value: object, name: str) -> Group:
    tasks = [task for task in _items(value, name) if isinstance(task, int) and not isinstance(task, bool)]
    checks.require(len(tasks) == len(_items(value, name)), name, "groups of task indices", repr(value), TypeError)
    return tuple(sorted(tasks))


def _items(value: object, name: str) -> Collection[object]:
    if not isinstance(value, (list, tuple, set, frozenset)):
        checks.fail(name, "a list or set", repr(value), TypeError)
    return value


def validate(blocks: tuple[Partition, ...]) -> None:
    """Check that the blocks are partitions of ``0 .. T-1``, each refining the one before."""
    checks.require(bool(blocks), "layout", "at least one block", "none")
    num_tasks = len({task for group in blocks[0] for task in group})
    checks.require(num_tasks > 0, "block 0", "at least one task", "none")
    for b, partition in enumerate(blocks):
        name = f"block {b}"
        checks.require(all(partition), name, "no empty group", list(partition))
        tasks = sorted(task for group in partition for task in group)
        checks.require(
            tasks == list(range(num_tasks)), name, f"each of the tasks 0 to {num_tasks - 1} exactly once", tasks
        )
        for group in partition if b else ():
            across = [list(wider) for wider in blocks[b - 1] if set(group) & set(wider)]
            expected = f"groups that each lie within one group of block {b - 1}"
            checks.require(len(across) == 1, name, expected, f"{list(group)} across {across}")
