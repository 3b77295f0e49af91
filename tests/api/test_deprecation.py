"""What is deprecated is announced for long enough, and is gone when it was said to be."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mt_torchattacks as mta

ROOT = Path(mta.__file__).parent


def version(text: str) -> tuple[int, int]:
    major, minor, *_ = text.split(".")
    return int(major), int(minor)


def complaints(root: Path, current: str) -> list[str]:
    """What is wrong with the calls of ``deprecated`` in the source below a folder."""
    found = []
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or ast.unparse(node.func).split(".")[-1] != "deprecated":
                continue
            said = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
            since, until = version(said["since"]), version(said["until"])
            name = f"{path.name}: {ast.literal_eval(node.args[0])}"
            if until <= version(current):
                found.append(f"{name} was to go in {said['until']}")
            if until[0] == since[0] and until[1] < since[1] + 2:
                found.append(f"{name} is announced for less than two minor versions")
    return found


def test_nothing_has_outlived_its_time() -> None:
    assert complaints(ROOT, mta.__version__) == []


@pytest.mark.parametrize(
    ("since", "until", "wrong"),
    [("0.2", "0.4", ""), ("0.2", "0.3", "less than two"), ("0.1", "0.2", "was to go in 0.2"), ("0.9", "1.0", "")],
)
def test_what_is_wrong_is_found(since: str, until: str, wrong: str, tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text(f"checks.deprecated('mta.old', 'mta.new', since='{since}', until='{until}')\n")
    found = complaints(tmp_path, "0.2.0")
    assert bool(found) == bool(wrong)
    assert wrong in " ".join(found)
