"""The benchmarks' one command, the files that it writes, and the page that is made of them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

import benchmarks.__main__ as command
from benchmarks.measured import RESULTS, page, parts

PRINTED = """On 2 threads,
one model.

| attack | units (range) |
|:--|--:|
| mta.PGD, dgba | 1.04 (0.98 to 1.09) |
| empty |  |

Done.
"""


def test_tables_and_text_come_back_as_they_were() -> None:
    text, table, last = parts(PRINTED)
    assert (text, last) == ({"text": "On 2 threads, one model."}, {"text": "Done."})
    assert table["columns"] == ["attack", "units (range)"]
    assert table["rows"] == [["mta.PGD, dgba", "1.04 (0.98 to 1.09)"], ["empty", ""]]


def test_a_run_is_written_with_what_it_was_measured_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        command, "BENCHMARKS", {"small": ("benchmarks.startup", "--help"), "none": ("benchmarks.none",)}
    )
    assert command.main(["small", "none", "--out", str(tmp_path)]) == 1
    assert "none: " in capsys.readouterr().err  # and the other one is there
    found = json.loads((tmp_path / "small.json").read_text())
    assert found["command"] == "python -m benchmarks.startup --help"
    assert found["printed"][0]["text"].startswith("usage:")
    assert {"torch", "python"} <= found["versions"].keys()
    assert found["machine"].endswith("cores")
    shown = page(tmp_path)
    assert "## small\n\n`python -m benchmarks.startup --help`\n" in shown


def test_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    assert capsys.readouterr().out.count("\n") == len(command.BENCHMARKS)
    with pytest.raises(SystemExit):
        command.main(["costs"])
    assert "NAME: expected some of startup, cost," in capsys.readouterr().err


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_each_is_a_module_with_a_main(name: str) -> None:
    module: Any = importlib.import_module(command.BENCHMARKS[name][0])
    assert callable(getattr(module, "main", None)) or module.__name__ == "benchmarks.art"


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_what_is_kept_is_of_the_command_as_it_is(path: Path) -> None:
    found = json.loads(path.read_text())
    assert found["command"] == " ".join(["python -m", *command.BENCHMARKS[path.stem]])
    assert any("rows" in part for part in found["printed"])
    assert page().count(f"## {path.stem}\n") == 1
