"""What ``mt-attack data check`` says of a data set on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._readers.base import READERS as READERS
from mt_torchattacks.data._readers.base import Reader
from mt_torchattacks.data._readers.forms import FormsReader
from mt_torchattacks.data.catalogue import DATASETS
from mt_torchattacks.data.taskonomy import WEIGHTS, TinyTaskonomy
from mt_torchattacks.plugins import load_plugins
from mt_torchattacks.tasks.kinds import find

for _name in list(DATASETS):
    DATASETS[_name]  # imported, so that READERS has all readers of this package

_PUBLISHED = {"nyuv2": {"train": 795, "test": 654}, "cityscapes": {"train": 2975, "val": 500}}
_USUAL = {"cityscapes": (1.0, 256.0)}
"""Where the median is usual of a data set's targets that are in a unit of its own: here disparities, in pixels."""


class Findings(NamedTuple):
    """What a check found; ``str`` gives it as lines of text."""

    facts: tuple[str, ...]
    """What the data are."""

    problems: tuple[str, ...]
    """What is wrong with them, or likely to be."""

    def __str__(self) -> str:
        problems = [f"PROBLEM: {problem}" for problem in self.problems] or ["no problem found"]
        return "\n".join([*self.facts, *problems])


def check_data(
    name: str, root: str | Path, *, split: str = "train", tasks: Sequence[str] | None = None, items: int = 8
) -> Findings:
    """Read a sample of a data set, and say in words what it is and what is wrong with it.

    Args:
        name: a key of :data:`READERS`.
        root: the data set's folder.
        split: the split to look at.
        tasks: the targets to look at; the data set's usual ones by default.
        items: how many items to read, >= 1, spread over the split.

    Returns:
        What was found; a missing or damaged file is a problem with the file's name, not an error.

    Raises:
        ImportError: a package that reads the files is not installed.
        ValueError: there is no such data set, or ``items`` is not positive.

    Example:
        >>> print(check_data("cityscapes", "nowhere"))
        PROBLEM: root: expected a folder, found none at nowhere.
    """
    if name not in READERS:
        load_plugins()
    checks.one_of(name, "name", READERS)
    checks.positive(items, "items")
    try:
        data = READERS[name](root, split, tasks=READERS[name].USUAL if tasks is None else tasks)
    except (OSError, TypeError, ValueError) as error:
        return Findings((), (str(error),))
    step = max(1, len(data) // items)
    values, problems = _sample(data, list(range(0, len(data), step))[:items])
    facts = [_summary(data, name, split)]
    for task, value in values.items():
        kind = find(task)
        facts.append(f"{task}: {kind.described(value)}")
        problems += [f"{task}: {doubt}" for doubt in kind.doubts(value, _USUAL.get(name))]
    if isinstance(data, TinyTaskonomy) and not (data.root / WEIGHTS).is_file():
        facts.append(f"no {WEIGHTS} in {data.root}: class_weights() needs it")
    return Findings(tuple(facts), tuple(problems))


def _sample(data: Reader, indices: Sequence[int]) -> tuple[dict[str, Tensor], list[str]]:
    """The pixels ``(C, P)`` of the image and of each target, over all items that can be read; and what cannot be."""
    pixels: dict[str, list[Tensor]] = {name: [] for name in ("image", *data.tasks)}
    problems = [] if len(data) else ["the split is empty"]
    for index in indices:
        sizes: dict[str, tuple[int, ...]] = {}
        for name, found in pixels.items():
            try:
                value = data.read(index, name)
            except (OSError, TypeError, ValueError) as error:
                problems.append(str(error))
                continue
            kind = find(name)
            sizes |= {name: tuple(value.shape[-2:])} if kind.dense else {}
            found.append(kind.flattened(value))
        if len(set(sizes.values())) > 1:
            problems.append(f"item {index} ({data.file(index, 'image')}): the sizes differ, {sizes}")
    return {name: torch.cat(found, dim=1) for name, found in pixels.items() if found}, problems


def _summary(data: Reader, name: str, split: str) -> str:
    form = f" in the form {data.form!r}" if isinstance(data, FormsReader) else ""
    published = _PUBLISHED.get(name, {}).get(split)
    count = f"{len(data)} items" + (f" (the published split has {published})" if published else "")
    return f"{name}{form}: {count}, {data.num_classes} classes"
