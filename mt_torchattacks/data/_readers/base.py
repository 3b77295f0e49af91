"""What the data sets that are read from a folder have in common."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._readers import files
from mt_torchattacks.data.augment import checked_size, resize
from mt_torchattacks.data.base import Item, NamedDataset
from mt_torchattacks.files import at_home
from mt_torchattacks.tasks.kinds import find

Transform: TypeAlias = Callable[[Tensor, Mapping[str, Tensor]], Item]

READERS: dict[str, Any] = {}
"""The data sets that are read from a folder, by name; a :class:`Reader` with a ``name`` is put here when it is made."""


class Reader(NamedDataset, ABC):
    """A map-style data set of ``(image, {task: target})``, read from a folder item by item.

    A subclass says which file holds what (:meth:`file`) and how it is read (:meth:`read`).

    Args:
        root: the data set's folder.
        tasks: names of the targets that items have.
        size: height and width of the items; None keeps the files' own.
        transform: called with image and targets, returns both; :class:`~mt_torchattacks.data.JointAugmentation`.
    """

    TASKS: ClassVar[tuple[str, ...]]
    """Names of all targets there are."""

    USUAL: ClassVar[tuple[str, ...]]
    """Names of those that items have by default."""

    num_classes: int
    """Number of classes of the task ``segmentation``."""

    class_names: tuple[str, ...]
    """Their names."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if cls.__dict__.get("name"):
            READERS[cls.name] = cls

    def __init__(
        self,
        root: str | Path,
        tasks: Sequence[str],
        size: int | tuple[int, int] | None,
        transform: Transform | None,
    ) -> None:
        self.root = files.folder(at_home(root, "root"), "root")
        checks.require(not isinstance(tasks, str), "tasks", "a sequence of names", repr(tasks), TypeError)
        for task in tasks:
            checks.one_of(task, "tasks", self.TASKS)
        self.tasks = tuple(tasks)
        self.size = None if size is None else checked_size(size)
        self.transform = transform

    def __getitem__(self, index: int) -> Item:
        """One item: the image ``(3, H, W)`` and its targets."""
        length = len(self)
        position = index + length if index < 0 else index
        checks.require(0 <= position < length, "index", f"an index below {length}", index, IndexError)
        image = self.read(position, "image")
        targets = {task: self.read(position, task) for task in self.tasks}
        for task, target in targets.items():
            if not find(task).dense:
                continue
            expected, found = tuple(image.shape[-2:]), tuple(target.shape[-2:])
            name = f"{self.file(position, task)} ({task} of item {position})"
            checks.require(found == expected, name, f"the image's size {expected}", found)
        if self.size is not None:
            image, targets = resize(image, targets, self.size)
        return (image, targets) if self.transform is None else self.transform(image, targets)

    def digest(self, count: int) -> str:
        """A short hash of the first ``count`` items' files (where they are below the root, how large, when changed).

        Nothing is read. Of one data set with other tasks, another size or another transform it is another one.
        """
        digest = hashlib.sha256(repr((self.tasks, self.size, self.transform)).encode())
        for index in range(count):
            for name in ("image", *self.tasks):
                path = self.file(index, name)
                found = path.stat()
                digest.update(f"{path.relative_to(self.root)} {found.st_size} {found.st_mtime_ns}".encode())
        return digest.hexdigest()[:12]

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def file(self, index: int, name: str) -> Path:
        """The file that holds an item's ``"image"`` or a task's target."""

    @abstractmethod
    def read(self, index: int, name: str) -> Tensor:
        """An item's ``"image"`` or a task's target, as the file has it."""
