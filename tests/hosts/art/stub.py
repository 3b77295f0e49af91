"""What type checkers and editors see of the plugin's classes; ``python -m tests.hosts.art.stub`` writes them.

The attacks get their arguments from ART's classes when they are made, which no type checker follows.
"""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from inspect import Parameter
from pathlib import Path

import art_plugins
from art_plugins import attacks

FILE = Path(art_plugins.__file__).with_suffix(".pyi")
_ATTACKS = [name for name in art_plugins.__all__ if hasattr(attacks, name)]
_HEAD = '''"""The plugin's names. Generated: change nothing here, run ``python -m tests.hosts.art.stub``."""

from art.summary_writer import SummaryWriter

from art_plugins import attacks
from art_plugins.labels import Array
from mt_torchattacks import Rule
'''


def stub() -> str:
    """The text of ``__init__.pyi``: names that are imported as they are, and the attacks with their arguments."""
    tree = ast.parse(Path(art_plugins.__file__).read_text("utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "mt_torchattacks"]
    imports = [
        f"from {node.module} import {alias.name} as {alias.name}"
        for node in found
        for alias in node.names
        if alias.name not in _ATTACKS
    ]
    text = "\n".join([_HEAD, *imports, "", *map(_declared, _ATTACKS)])
    for command in (["check", "--fix", "--select", "I", "--quiet"], ["format"]):
        words = ["ruff", *command, "--stdin-filename", str(FILE), "-"]
        text = subprocess.run([sys.executable, "-m", *words], input=text, capture_output=True, text=True).stdout
    return text


def _declared(name: str) -> str:
    parameters = inspect.signature(getattr(art_plugins, name)).parameters.values()
    words = ", ".join(["self", *map(_parameter, parameters)])
    return f"class {name}(attacks.{name}):\n    def __init__({words}) -> None: ...\n"


def _parameter(parameter: Parameter) -> str:
    annotation = str(parameter.annotation).replace("np.ndarray", "Array")
    if parameter.default is Parameter.empty:
        return f"{parameter.name}: {annotation}"
    plain = isinstance(parameter.default, (bool, int, str, type(None))) or parameter.default < float("inf")
    return f"{parameter.name}: {annotation} = {repr(parameter.default) if plain else '...'}"


if __name__ == "__main__":
    FILE.write_text(stub(), "utf-8")
