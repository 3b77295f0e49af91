"""The public names and their signatures as text: what other programs are written against."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

FILE = Path(__file__).parent / "surface.txt"
RELEASED = Path(__file__).parent / "released.txt"
CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
PACKAGES = ("mt_torchattacks", "art_plugins")


def surface() -> dict[str, str]:
    """Each public name, dotted, with its signature or what it is another name of."""
    found: dict[str, str] = {}
    known: dict[int, str] = {}
    for name, value in _public():
        seen = known.get(id(value)) if callable(value) else None
        if seen is not None:
            found[name] = f" = {seen}"
            continue
        known[id(value)] = name
        found |= dict(_described(name, value))
    return found


def as_text(names: dict[str, str]) -> str:
    """One line a name."""
    return "".join(f"{name}{rest}\n" for name, rest in sorted(names.items()))


def read(path: Path) -> dict[str, str]:
    """The names of a file that :func:`as_text` made."""
    return dict(re.findall(r"^([\w.]+)(.*)$", path.read_text("utf-8"), re.MULTILINE))


def lost(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """The names that are gone or have another signature."""
    return sorted(name for name, rest in old.items() if new.get(name) != rest)


def unreleased(changelog: str) -> str:
    """The changelog's section of what is not released yet."""
    return changelog.split("\n## ")[1]


def unsaid(names: list[str], changelog: str) -> list[str]:
    """The names, without their packages, that the changelog's unreleased section does not name."""
    section = unreleased(changelog)
    return [name for name in names if not re.search(rf"\b{re.escape(_short(name))}\b", section)]


def _short(name: str) -> str:
    """A name without its packages: ``Tasks.only``, ``evaluate``."""
    parts = name.split(".")
    return ".".join(part for i, part in enumerate(parts) if i == len(parts) - 1 or part[0].isupper())


def _public() -> Iterator[tuple[str, Any]]:
    """Every public name of the packages and, after it, of the packages that it names."""
    waiting = [importlib.import_module(name) for name in PACKAGES]
    done = set()
    while waiting:
        package = waiting.pop(0)
        done.add(package.__name__)
        for name in sorted(package.__all__):
            value = getattr(package, name)
            if isinstance(value, ModuleType) and hasattr(value, "__all__"):
                waiting += [value] if value.__name__ not in done else []
            else:
                yield f"{package.__name__}.{name}", value


def _described(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if not callable(value):
        yield name, ""
        return
    yield name, _signature(value)
    for member, what in sorted(vars(value).items()) if inspect.isclass(value) else ():
        function = inspect.unwrap(getattr(what, "__func__", what))
        if not member.startswith("_") and inspect.isfunction(function):
            yield f"{name}.{member}", _signature(function)
        elif not member.startswith("_") and isinstance(what, property):
            yield f"{name}.{member}", ""


def _signature(value: Any) -> str:
    """Names and defaults of the arguments; their types are the checkers' business."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    plain = [p.replace(annotation=p.empty, default=_shown(p.default)) for p in signature.parameters.values()]
    return str(inspect.Signature(plain))


def _shown(default: Any) -> Any:
    return default if default is inspect.Parameter.empty else _Text(getattr(default, "__name__", None) or repr(default))


class _Text(str):
    def __repr__(self) -> str:
        return re.sub(r" at 0x[0-9a-f]+", "", str(self))
