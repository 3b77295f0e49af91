"""The classes that source files declare, read without importing them, so that what there is can be listed at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_CLASS = re.compile(r"^class (\w+)(?:\(([^)]*)\))?:(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r'^    name(?:: [^=]+)? = "([^"]+)"', re.MULTILINE)


class DeclaredClass(NamedTuple):
    """A class as a source file declares it.

    Attributes:
        module: the file's name without ``.py``.
        bases: the names of its base classes.
        name: the text that it assigns to ``name``; empty if it assigns none.
    """

    module: str
    bases: tuple[str, ...]
    name: str


def declared(folder: Path) -> dict[str, DeclaredClass]:
    """The classes that the Python files of a folder declare at their outermost level, by their names.

    They are read, not imported.

    Example:
        >>> declared(Path(__file__).parent / "balancing")["WGD"]
        DeclaredClass(module='rules', bases=('Total',), name='wgd')
    """
    found = {}
    for path in sorted(folder.glob("*.py")):
        for name, bases, body in _CLASS.findall(path.read_text("utf-8")):
            given = _NAME.search(body)
            parents = tuple(base.strip() for base in bases.split(",") if base.strip())
            found[name] = DeclaredClass(path.stem, parents, given.group(1) if given else "")
    return found
