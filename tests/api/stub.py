"""The declarations of all attacks for type checkers and editors, written from the signatures that the classes have."""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mt_torchattacks.attacks import HOSTED, OWN, MultiTaskAttack, attack_class

FILE = Path(__file__).parents[2] / "mt_torchattacks" / "attacks" / "classes.pyi"

# What torchattacks' own arguments are, by the type of their default; it ships no types. Lengths are in pixel values.
_TYPES = {bool: "bool", int: "int", float: "float", str: "str"}
_LENGTH = "PerChannel"

_HEAD = '''"""The class of every attack, with its arguments. Written by ``python -m tests.api``: change nothing here."""
'''


def stub() -> str:
    """The text of ``classes.pyi``."""
    classes = {name: attack_class(name) for name in (*HOSTED, *OWN)}
    imports = {"from typing import Any", "from mt_torchattacks.attacks.host.attack import MultiTaskAttack"}
    bodies = []
    for name, cls in classes.items():
        base = _base(name, cls, imports)
        bodies.append(f"class {name}({base}):\n{_body(cls, imports)}\n")
    ending = "def find(name: str) -> Any: ...\n"
    listed = "__all__ = [\n" + "".join(f'    "{name}",\n' for name in classes) + "]\n"
    text = "\n".join([_HEAD, *sorted(imports), "", listed, *bodies, ending])
    return _formatted(text)


def _base(name: str, cls: type, imports: set[str]) -> str:
    """The class to inherit from: the class itself where a source file declares it."""
    if cls.__module__ == "mt_torchattacks":
        return "MultiTaskAttack"
    imports.add(f"from {cls.__module__} import {name} as _{name}")
    return f"_{name}"


def _body(cls: type[MultiTaskAttack], imports: set[str]) -> str:
    parameters = list(inspect.signature(cls).parameters.values())
    stars = [i for i, p in enumerate(parameters) if p.kind is p.KEYWORD_ONLY][:1]
    words = [f"{_parameter(cls, parameter, imports)}," for parameter in parameters]
    for i in stars:
        words.insert(i, "*,")
    return f'    """{_documented(cls)}"""\n\n    def __init__(self, {" ".join(words)}) -> None: ...\n'


def _parameter(cls: type[MultiTaskAttack], parameter: inspect.Parameter, imports: set[str]) -> str:
    annotation = _annotation(cls, parameter)
    imports.update(_imports(cls, annotation))
    star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    default = "" if parameter.default is parameter.empty else f" = {_default(parameter.default)}"
    return f"{star}{parameter.name}: {annotation}{default}"


def _annotation(cls: type[MultiTaskAttack], parameter: inspect.Parameter) -> str:
    given = parameter.annotation
    if given is parameter.empty:
        return _LENGTH if parameter.name in cls.lengths else _TYPES[type(parameter.default)]
    return given if isinstance(given, str) else inspect.formatannotation(given)


def _default(value: Any) -> str:
    if type(value) is float and 0 < value < 1 and (value * 255).is_integer():
        return f"{value * 255:g} / 255"
    return repr(value) if value is None or type(value) in (*_TYPES, tuple) else "..."


def _imports(cls: type, annotation: str) -> Iterator[str]:
    """Import statements for the names in an annotation, as the modules of the class and its bases have them."""
    for name in sorted(set(re.findall(r"[A-Za-z_][\w.]*", re.sub(r"(['\"]).*?\1", "", annotation)))):
        first = name.split(".")[0]
        if keyword.iskeyword(first) or hasattr(builtins, first):
            continue
        yield _import(cls, first, name)


def _import(cls: type, first: str, name: str) -> str:
    if first == _LENGTH:
        return "from mt_torchattacks.geometry.box import PerChannel"
    for module in (sys.modules[base.__module__] for base in cls.__mro__ if base.__module__ in sys.modules):
        if not module.__name__.startswith("mt_torchattacks."):
            continue
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.ImportFrom) and any((a.asname or a.name) == first for a in node.names):
                return f"from {node.module} import {first}"
        if hasattr(module, first):
            return f"from {module.__name__} import {first}"
    if "." in name:
        return f"import {name.rpartition('.')[0]}"
    raise NameError(f"annotations of {cls.__name__}: expected names that its module imports, found {name!r}")


def _documented(cls: type) -> str:
    """The first paragraph of a class's description, and its arguments."""
    first, *rest = re.split(r"\n\n(?=\S)", inspect.cleandoc(cls.__doc__ or ""))
    arguments = [part for part in rest if part.startswith("Args:")]
    if not arguments:
        return first.replace("\n", "\n    ")
    lines = [line for argument in arguments[0].splitlines() for line in _wrapped(argument)]
    return "\n    ".join([*first.splitlines(), "", *lines, ""]).replace("    \n", "\n")


def _wrapped(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(line, 116, subsequent_indent=indent, break_long_words=False)


def _formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "--quiet"]
    kept = ["check", "--select=I,RUF022", "--fix", "--stdin-filename", str(FILE), "-"]
    for arguments in (kept, ["format", "--stdin-filename", str(FILE), "-"]):
        ran = subprocess.run([*command, *arguments], input=text, text=True, capture_output=True, check=True)
        text = ran.stdout
    return text
