"""The architecture, read from the source: who may import whom, what loads at import, how long functions are."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY, PLUGINS = "mt_torchattacks", "art_plugins"

# A part of the library imports only itself and what stands to its left.
ORDER = (
    "names",
    "declared",
    "lazy",
    "plugins",
    "types",
    "checks",
    "files",
    "figures",
    "published",
    "dense",
    "geometry",
    "metrics",
    "tasks",
    "data",
    "models",
    "balancing",
    "objective",
    "attacks",
    "evaluation",
    "training",
    "report",
    "studies",
    "recipes",
    "cli",
)

# They use the library as its users do, through the names of the package itself (import mt_torchattacks as mta).
FROM_OUTSIDE = ("studies", "cli")

# Third-party packages outside the core dependencies, and the only place that may load each at import.
HOSTS = {"torchattacks": f"{LIBRARY}.attacks", "art": PLUGINS}

MAX_FUNCTION_LINES = 50


def modules(root: Path) -> dict[str, ast.Module]:
    """Dotted name -> syntax tree, for every source file of the two packages under ``root``."""
    paths = [path for package in (LIBRARY, PLUGINS) for path in sorted((root / package).rglob("*.py"))]
    return {_module_name(path.relative_to(root)): ast.parse(path.read_text("utf-8"), str(path)) for path in paths}


def _module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)


def _absolute(module: str, node: ast.ImportFrom) -> str:
    """The package that ``from ... import`` names, leading dots resolved (``module`` still ends in ``__init__``)."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")[: -node.level]
    return ".".join([*parts, *filter(None, [node.module])])


def imported(module: str, nodes: Iterator[ast.AST]) -> Iterator[str]:
    """The dotted names that import statements load; ``from a import b`` counts as ``a.b``."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{_absolute(module, node)}.{alias.name}" for alias in node.names)


def run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes outside functions and outside ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        lazy = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        if lazy or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            continue
        yield node
        yield from run_at_import(node)


def _position(name: str) -> int:
    """The place in ORDER of a dotted name inside the library; -1 for what is not there."""
    part = name.split(".")[1] if "." in name else ""
    return ORDER.index(part) if part in ORDER else -1


def wrong_arrows(root: Path) -> list[str]:
    """Every import, lazy or not, that does not point to the left."""
    wrong = []
    for module, tree in modules(root).items():
        if module == f"{LIBRARY}.__init__" or not module.startswith(f"{LIBRARY}."):
            continue
        if _position(module) < 0:
            wrong.append(f"{module} is not in the order {', '.join(ORDER)}")
        for name in imported(module, ast.walk(tree)):
            package = name.split(".")[0]
            if package == LIBRARY and _position(name) < 0 and module.split(".")[1] in FROM_OUTSIDE:
                continue
            to_the_left = package == LIBRARY and 0 <= _position(name) <= _position(module)
            if package == PLUGINS or (package == LIBRARY and not to_the_left):
                wrong.append(f"{module} imports {name}")
    return wrong


def circles(root: Path) -> list[list[str]]:
    """Every set of files that import each other, however far around; lazy imports and those for types count."""
    known = modules(root)
    names = {module.removesuffix(".__init__"): module for module in known}
    arrows = {}
    for module, tree in known.items():
        found = {_file(name, names) for name in imported(module, ast.walk(tree))}
        arrows[module] = {name for name in found if name is not None and not name.endswith(".__init__")} - {module}
    return sorted(sorted(group) for group in _strongly_connected(arrows) if len(group) > 1)


def _file(name: str, names: dict[str, str]) -> str | None:
    """The module that a dotted name is in, or is."""
    return names.get(name) or names.get(name.rpartition(".")[0])


def _strongly_connected(arrows: dict[str, set[str]]) -> list[set[str]]:
    """The groups of names of which each is reached from each other one."""
    reached = {name: _reached(name, arrows) for name in arrows}
    groups = {name: frozenset({name, *(other for other in reached[name] if name in reached[other])}) for name in arrows}
    return [set(group) for group in set(groups.values())]


def _reached(start: str, arrows: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = arrows[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def imports_between_tests(root: Path) -> list[str]:
    """Every import of a test module in another one; what they share is in modules of another name."""
    return [
        f"{path.relative_to(root)} imports {name}"
        for path in sorted((root / "tests").rglob("*.py"))
        for name in imported(_module_name(path.relative_to(root)), ast.walk(ast.parse(path.read_text("utf-8"))))
        if any(part.startswith("test_") for part in name.split(".")[:-1])
    ]


def core_dependencies(root: Path) -> set[str]:
    """The distributions of ``install_requires``, each of which is imported by its own name."""
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg", "utf-8")
    return set(re.findall(r"^\s*([\w-]+)", config["options"]["install_requires"], re.MULTILINE))


def heavy_imports(root: Path) -> list[str]:
    """Every third-party import that runs when a module is imported, and is neither a core dependency nor a host's."""
    light = core_dependencies(ROOT) | set(sys.stdlib_module_names) | {LIBRARY, PLUGINS}
    return [
        f"{module} imports {name}"
        for module, tree in modules(root).items()
        for name in imported(module, run_at_import(tree))
        if (package := name.split(".")[0]) not in light and not module.startswith(HOSTS.get(package, "nowhere"))
    ]


def reaches_outside(root: Path) -> list[str]:
    """Every file of the packages that imports, or names as a folder, what a user who installs them does not have."""
    outside = {"benchmarks", "examples", "tests"}
    return [
        module
        for module, tree in modules(root).items()
        if outside & {name.split(".")[0] for name in imported(module, ast.walk(tree))}
        or any(isinstance(node, ast.Constant) and node.value in outside for node in ast.walk(tree))
    ]


def long_functions(root: Path) -> list[str]:
    """Every function with more lines than the limit, its docstring not counted."""
    return [
        f"{module}.{node.name}: {lines} lines"
        for module, tree in modules(root).items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (lines := _lines(node)) > MAX_FUNCTION_LINES
    ]


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    total = (function.end_lineno or 0) - function.lineno + 1
    documented = function.body[0] if ast.get_docstring(function) else None
    return total - ((documented.end_lineno or 0) - documented.lineno + 1 if documented else 0)


def test_imports_point_to_the_left() -> None:
    assert not wrong_arrows(ROOT)


def test_no_files_import_each_other() -> None:
    assert not circles(ROOT)


def test_no_test_imports_another() -> None:
    assert not imports_between_tests(ROOT)


def test_heavy_packages_are_imported_lazily() -> None:
    assert not heavy_imports(ROOT)


def test_the_packages_need_nothing_beside_them() -> None:
    assert not reaches_outside(ROOT)


def test_no_function_is_long() -> None:
    assert not long_functions(ROOT)


def _write(root: Path, path: str, source: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, "utf-8")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("mt_torchattacks/tasks/tasks.py", "from mt_torchattacks.attacks.base import MultiTaskAttack"),
        ("mt_torchattacks/tasks/tasks.py", "from mt_torchattacks import objective"),
        ("mt_torchattacks/tasks/tasks.py", "from ..objective import Objective"),
        ("mt_torchattacks/tasks/__init__.py", "from ..objective import Objective"),
        ("mt_torchattacks/tasks/tasks.py", "def f():\n    import mt_torchattacks.cli"),
        ("mt_torchattacks/tasks/tasks.py", "import mt_torchattacks"),
        ("mt_torchattacks/tasks/tasks.py", "from mt_torchattacks import PGD"),
        ("mt_torchattacks/attacks/pgd.py", "from art_plugins import estimator"),
        ("mt_torchattacks/helpers.py", ""),
    ],
)
def test_a_wrong_arrow_is_found(tmp_path: Path, path: str, source: str) -> None:
    _write(tmp_path, path, source)
    assert len(wrong_arrows(tmp_path)) == 1


def test_right_arrows_are_not_reported(tmp_path: Path) -> None:
    _write(tmp_path, "mt_torchattacks/__init__.py", "from mt_torchattacks.cli import main")
    _write(tmp_path, "mt_torchattacks/attacks/pgd.py", "from ..objective import Objective\nfrom .base import Host")
    _write(tmp_path, "mt_torchattacks/attacks/__init__.py", "from .pgd import PGD\nfrom mt_torchattacks import checks")
    _write(tmp_path, "art_plugins/attacks.py", "import mt_torchattacks as mta\nfrom art_plugins import estimator")
    assert not wrong_arrows(tmp_path)


def test_a_test_that_imports_another_is_found(tmp_path: Path) -> None:
    _write(tmp_path, "tests/unit/test_a.py", "from tests.unit.test_b import helper\nfrom tests import toys")
    _write(tmp_path, "tests/unit/test_b.py", "def test_it():\n    import tests.unit.test_c.helper")
    assert len(imports_between_tests(tmp_path)) == 2


def test_a_circle_is_found(tmp_path: Path) -> None:
    _write(tmp_path, "mt_torchattacks/tasks/a.py", "from mt_torchattacks.tasks.b import f")
    _write(tmp_path, "mt_torchattacks/tasks/b.py", "def f():\n    from mt_torchattacks.tasks import c")
    lazy = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mt_torchattacks.tasks.a import g"
    _write(tmp_path, "mt_torchattacks/tasks/c.py", lazy)
    _write(tmp_path, "mt_torchattacks/tasks/d.py", "from mt_torchattacks.tasks.a import g")
    assert circles(tmp_path) == [[f"mt_torchattacks.tasks.{name}" for name in "abc"]]


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("import matplotlib.pyplot as plt", 1),
        ("try:\n    import art\nexcept ImportError:\n    pass", 1),
        ("class A:\n    from torchattacks import PGD", 1),
        ("def f():\n    import matplotlib", 0),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas", 0),
        ("import math\nimport torch.nn.functional as F\nfrom . import losses", 0),
    ],
)
def test_a_heavy_import_is_found(tmp_path: Path, source: str, count: int) -> None:
    _write(tmp_path, "mt_torchattacks/tasks/tasks.py", source)
    assert len(heavy_imports(tmp_path)) == count


@pytest.mark.parametrize(
    "source",
    ["def f():\n    from benchmarks.cost import table", 'PATH = Path(__file__).parents[2] / "examples" / "a.py"'],
)
def test_a_package_that_reaches_outside_is_found(tmp_path: Path, source: str) -> None:
    _write(tmp_path, "art_plugins/estimator.py", source)
    _write(tmp_path, "art_plugins/labels.py", "import numpy as np")
    assert reaches_outside(tmp_path) == ["art_plugins.estimator"]


def test_each_host_has_one_place(tmp_path: Path) -> None:
    _write(tmp_path, "mt_torchattacks/attacks/pgd.py", "import torchattacks")
    _write(tmp_path, "art_plugins/estimator.py", "from art.estimators import BaseEstimator")
    assert not heavy_imports(tmp_path)


@pytest.mark.parametrize(("lines", "count"), [(MAX_FUNCTION_LINES - 1, 0), (MAX_FUNCTION_LINES, 1)])
def test_a_long_function_is_found(tmp_path: Path, lines: int, count: int) -> None:
    body = '    """Two\n    lines."""\n' + "    pass\n" * lines
    _write(tmp_path, "mt_torchattacks/cli/main.py", f"def main():\n{body}")
    assert len(long_functions(tmp_path)) == count
