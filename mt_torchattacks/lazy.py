"""Packages whose public names are imported on first use, so that importing the library takes no time.

A package's ``__init__.py`` says once where its public names are, and type checkers read the same lines::

    if TYPE_CHECKING:
        from mt_torchattacks.tasks.tasks import Task, Tasks
    else:
        lazily(__name__)

    __all__ = ["Task", "Tasks"]
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections import UserDict
from collections.abc import Callable, Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from mt_torchattacks.names import hint

T = TypeVar("T")


def lazily(
    package: str,
    *,
    together: Collection[str] = (),
    find: Callable[[str], Any] = lambda name: None,
    reasons: Mapping[str, str] | None = None,
) -> None:
    """Make a package import its public names on first use (PEP 562), from where its ``if TYPE_CHECKING`` block says.

    Args:
        package: the package's ``__name__``, given by the package itself while it is imported.
        together: names whose first use imports all, for a registry that is full only then.
        find: what a name is that the block does not have, or None.
        reasons: why the package does not have some names that one may look for.

    Example:
        >>> import mt_torchattacks.tasks as tasks
        >>> dir(tasks) == sorted(tasks.__all__)
        True
    """
    module = sys.modules[package]
    module.__class__ = LazyPackage
    module.__dict__.update(_together=together, _find=find, _reasons=reasons or {})


class LazyModule:
    """A module that is imported when something of it is first used: ``torch = Lazy("torch")``."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


class LazyPackage(ModuleType):
    """A package whose ``__init__.py`` calls :func:`lazily`."""

    _together: Collection[str]
    _find: Callable[[str], Any]
    _reasons: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        """A name that is not there yet: a public one, or a module of the package."""
        if name == "_origins":
            self.__dict__[name] = _origins(self)
            return self.__dict__[name]
        if name in self._origins:
            for one in self._origins if name in self._together else (name,):
                self.__dict__[one] = _imported(*self._origins[one])
            return self.__dict__[name]
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return self._searched(name)

    def __setattr__(self, name: str, value: object) -> None:
        """Where a file has the name of the function in it, the name is the function's, whoever imports the file."""
        own_file = f"{self.__name__}.{name}"
        if isinstance(value, ModuleType) and value.__name__ == own_file and self._origins.get(name) == (own_file, name):
            value = getattr(value, name)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted(self.__all__)

    def _searched(self, name: str) -> Any:
        """What ``find`` finds, or a module of the package, or the error that says what was probably meant."""
        found = self._find(name)
        if found is None and find_spec(f"{self.__name__}.{name}") is not None:
            found = importlib.import_module(f"{self.__name__}.{name}")
        if found is None:
            why = f": {self._reasons[name]}" if name in self._reasons else hint(name, self.__all__)
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}{why}")
        return found


class LazyDict(UserDict[str, T]):
    """A dictionary whose values may be given as ``"module:name"``, which is imported when it is first asked for.

    Example:
        >>> squares = LazyDict({"root": "math:sqrt"})
        >>> list(squares), squares["root"](9.0)
        (['root'], 3.0)
    """

    def __getitem__(self, key: str) -> T:
        value = self.data[key]
        if isinstance(value, str):
            module, _, name = value.partition(":")
            value = self.data[key] = cast(T, getattr(importlib.import_module(module), name))
        return value


def _imported(module: str, name: str) -> Any:
    """``from module import name``; without a name the module itself."""
    found = importlib.import_module(module)
    return getattr(found, name) if name else found


def _origins(package: ModuleType) -> dict[str, tuple[str, str]]:
    """Module and name there of each name that the package's ``if TYPE_CHECKING`` block imports."""
    tree = ast.parse(Path(str(package.__file__)).read_text("utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    found = [(str(node.module), alias.name) for node in imports for alias in node.names if alias.name != "*"]
    return {name: (f"{module}.{name}", "") if module == package.__name__ else (module, name) for module, name in found}
