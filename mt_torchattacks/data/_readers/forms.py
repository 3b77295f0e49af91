"""Data sets that are handed on in several forms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.data._readers import files
from mt_torchattacks.data._readers.base import Reader, Transform


class Form(ABC):
    """The items of one split of a data set, in one form."""

    MARK: ClassVar[str]
    """A file or folder by which a root is known to have this form."""

    CLASSES: ClassVar[tuple[int, ...]]
    """The numbers of classes that there are, the usual one first."""

    @abstractmethod
    def __init__(self, root: Path, split: str, classes: int, tasks: tuple[str, ...]) -> None: ...

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def file(self, index: int, name: str) -> Path:
        """The file that holds an item's ``"image"`` or a task's target."""

    @abstractmethod
    def read(self, index: int, name: str) -> Tensor:
        """An item's ``"image"`` or a task's target."""


class FormsReader(Reader):
    """A reader that leaves files to one of several forms; see :class:`Reader` for the arguments."""

    FORMS: ClassVar[Mapping[str, type[Form]]]
    """The forms, by name."""

    form: str
    """The name of the form that the folder has."""

    def __init__(
        self,
        root: str | Path,
        split: str,
        form: str | None,
        *,
        tasks: Sequence[str],
        classes: int | None,
        size: int | tuple[int, int] | None,
        transform: Transform | None,
    ) -> None:
        super().__init__(root, tasks, size, transform)
        if form is None:
            form = self._found()
        checks.one_of(form, "form", self.FORMS)
        self.form = form
        offered = self.FORMS[form].CLASSES
        self.num_classes = offered[0] if classes is None else classes
        checks.require(self.num_classes in offered, "classes", f"one of {offered} in the form {form!r}", classes)
        self._source = self.FORMS[form](self.root, split, self.num_classes, self.tasks)

    def __len__(self) -> int:
        return len(self._source)

    def file(self, index: int, name: str) -> Path:
        return self._source.file(index, name)

    def read(self, index: int, name: str) -> Tensor:
        return self._source.read(index, name)

    def _found(self) -> str:
        """The name of the form that the root has."""
        marks = ", ".join(f"{form.MARK} ({name})" for name, form in self.FORMS.items())
        names = [name for name, form in self.FORMS.items() if (self.root / form.MARK).exists()]
        if not names:
            checks.fail("root", f"one of {marks} in {self.root}", files.content(self.root), FileNotFoundError)
        checks.require(len(names) == 1, "form", f"a choice, as {self.root} has several forms", ", ".join(names))
        return names[0]
