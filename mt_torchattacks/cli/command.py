"""What a command of ``mt-attack`` is."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, Union, get_args, get_origin, get_type_hints

ADDED: dict[str, Command] = {}
"""The commands of plugins, by name."""


@dataclass(frozen=True)
class Command:
    """A command: options as a dataclass, and what is done with them.

    Args:
        name: its words, as ``worst-case`` or ``layouts show``.
        help: what it does, in one line.
        example: its arguments in an example.
        options: the dataclass; a field without a default is a word without a name, each other one an option.
        run: is called with an instance of it; what it returns is the exit code, None for 0.
    """

    name: str
    help: str
    example: str
    options: type[Any]
    run: Callable[[Any], int | None]

    def add(self) -> None:
        """Make it a command of ``mt-attack``; for plugins."""
        ADDED[self.name] = self

    @property
    def hints(self) -> dict[str, Any]:
        """The type of each option, ``None`` left out of those that may be missing."""
        known = get_type_hints(self.options)
        return {field.name: without_none(known[field.name]) for field in fields(self.options)}

    @property
    def words(self) -> list[str]:
        """The fields that are given without a name, in order."""
        return [field.name for field in fields(self.options) if field.default is field.default_factory is MISSING]


def is_list(hint: Any) -> bool:
    """Whether an option of this type may be given several times."""
    return get_origin(hint) is list


def without_none(hint: Any) -> Any:
    """The type of an option's value, where it may be missing, too."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint
