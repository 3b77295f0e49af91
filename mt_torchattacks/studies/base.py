"""What a study is: one file that says what it measures, its tables, its figures and its options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

import mt_torchattacks as mta

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from mt_torchattacks.evaluation import NamedData, NamedModel, Store

Models: TypeAlias = "Callable[[Sequence[str]], Sequence[NamedModel]]"
"""Gives the models of some names or patterns (``"rooms3/*"``)."""

Cell: TypeAlias = "tuple[dict[str, Any], Callable[[], dict[str, Any]]]"
"""A cell of a store: its key, and what computes its value."""

KeyT = TypeVar("KeyT")
OptionsT = TypeVar("OptionsT")
ResultT = TypeVar("ResultT")


class Data(Protocol):
    """Gives the data for a model: with its tasks, in the size that it was trained with."""

    def __call__(self, model: str, source: str = "") -> NamedData:
        """The data.

        Args:
            model: the model's name.
            source: where from, as ``rooms:100``; what the options say by default.
        """


@dataclass(frozen=True)
class Table:
    """A table of a study.

    Args:
        name: of its files, without an ending.
        title: a line above it.
        frame: the numbers.
        digits: decimals that people see.
        shown: print it; otherwise it is a file only.
    """

    name: str
    title: str
    frame: DataFrame
    digits: int = 1
    shown: bool = True


class Study(ABC, Generic[OptionsT, ResultT]):
    """Something to measure. A subclass with a ``name`` is a command of ``mt-attack``, and what a recipe can name.

    Its file imports nothing that takes long to load when it is read: ``import mt_torchattacks as mta`` loads what is
    used of it on first use.

    Attributes:
        name: the name on the command line, as ``worst-case``.
        help: what it measures, in one line.
        example: its arguments in an example of a command line.
        together: whether the processes of ``torchrun`` can share the images of a cell: all its cells are those of
            :func:`~mt_torchattacks.evaluation.evaluate_cells`.
        Options: a dataclass of its options; each field has a default and a line in the docstring's ``Args``.
    """

    name: ClassVar[str] = ""
    help: ClassVar[str] = ""
    example: ClassVar[str] = ""
    together: ClassVar[bool] = False
    Options: ClassVar[type[Any]]
    registry: ClassVar[dict[str, type[Study[Any, Any]]]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if cls.name:
            Study.registry[cls.name] = cls

    @abstractmethod
    def run(self, store: Store, models: Models, data: Data, options: OptionsT, *, progress: bool = True) -> ResultT:
        """Measure; every number that takes time is a cell of the store, so that a run that stops can go on.

        Args:
            store: where cells are kept.
            models: gives the models that the options name.
            data: gives the data for a model.
            options: an instance of :attr:`Options`.
            progress: whether to show the progress.

        Raises:
            TypeError, KeyError, ValueError: an option, a model or the data do not fit.
        """

    @abstractmethod
    def tables(self, result: ResultT) -> list[Table]:
        """What people and programs read of a result; the first tables are the most important ones."""

    def figures(self, result: ResultT) -> dict[str, Figure]:
        """Pictures of a result by their files' names, without an ending."""
        return {}

    def notes(self, result: ResultT) -> list[str]:
        """Lines that explain the tables."""
        return []

    def files(self, result: ResultT) -> Mapping[str, str | bytes]:
        """Further files, by name: what programs read the result from."""
        return {}


def one_model(models: Models, names: Sequence[str]) -> NamedModel:
    """The one model that a study is about.

    Raises:
        ValueError: the names stand for none or for several.
    """
    found = models(names)
    mta.checks.require(len(found) == 1, "model", "one model", f"{len(found)} for {', '.join(map(repr, names))}")
    return found[0]


def cells_by_model(
    store: Store,
    models: Iterable[NamedModel],
    data: Data,
    cells_of: Callable[[NamedModel, NamedData], Iterable[tuple[KeyT, Cell]]],
    *,
    progress: bool,
) -> tuple[dict[KeyT, dict[str, Any]], str]:
    """The values of the cells of every model, by what names a cell, and in words the images.

    Args:
        store: where cells are kept.
        models: the models.
        data: gives the data for a model.
        cells_of: a model's cells, each with what names it in the result: the model's name and what else differs.
        progress: whether to show the progress.
    """
    keys: list[KeyT] = []
    cells: list[Cell] = []
    images = ""
    for model in models:
        there = data(model.name)
        images = f"{len(there)} images of {there.name}"
        for key, cell in cells_of(model, there):
            keys.append(key)
            cells.append(cell)
    return dict(zip(keys, store.cells(cells, progress=progress), strict=True)), images


def metric_columns(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Metrics by task and name as the columns of a row.

    Example:
        >>> metric_columns({"depth": {"abs": 0.5, "rel": 0.25}})
        {'depth abs': 0.5, 'depth rel': 0.25}
    """
    return {f"{task} {name}": value for task, of in metrics.items() for name, value in of.items()}
