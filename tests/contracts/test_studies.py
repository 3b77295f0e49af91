"""What every study keeps to, parametrised by the registry: its options, its help, its files, and that it goes on.

A new study is run with the defaults of its options on toy models and data. Where that takes long, or cannot work, it
has a line in ``WORDS``.
"""

from __future__ import annotations

import inspect
import json
import shlex
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import MISSING, fields
from functools import cache
from io import StringIO
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pandas as pd
import pytest

from mt_torchattacks.cli import main
from mt_torchattacks.cli.parse import parse
from mt_torchattacks.cli.study import command_of
from mt_torchattacks.cli.words import dashed
from mt_torchattacks.studies import all_studies

STUDIES = all_studies()
TOY, OTHER = "tests.toy_data:toy", "tests.toy_data:other_toy"
WORDS = {
    "auto-saga": "--steps 1",
    "demo": "--steps 1 --model tests.toy_data:small --data tests.toy_data:small_rooms --images 2",
    "evaluate": "--steps 1",
    "metric-targets": "--model rooms3/all-shared --eps 8 --steps 1 --seeds 2 --images 1",  # it makes its own rooms
    "queries": "--queries 4 --steps 1",
    "stealth": "--steps 1",
    "transfer": f"--surrogate {TOY} --targets {TOY} {OTHER} --attack fgsm --balance dgba single",
    "weights": "--attack fgsm --grid-step 0.25 --rungs 1",
    "worst-case": "--steps 1 --queries 3",
}
"""Small budgets, by the study's name."""


class Run(NamedTuple):
    """What a study wrote and printed: the first time, again with all cells there, and as JSON."""

    folder: Path
    printed: str
    cells: dict[str, int]
    again: str
    cells_again: dict[str, int]
    as_json: str


Runs: TypeAlias = Callable[[str], Run]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The run of a study by its name, each made once."""

    @cache
    def run(name: str) -> Run:
        folder = tmp_path_factory.mktemp(name) / "out"
        words = [*words_of(name), "--output", str(folder)]
        printed, cells = _printed(name, words), _times(folder)
        again, cells_again = _printed(name, words), _times(folder)
        return Run(folder, printed, cells, again, cells_again, _printed(name, [*words, "--json"]))

    return run


def words_of(name: str) -> list[str]:
    """A study and its options: toy models and data where it takes such, and its own line of ``WORDS``."""
    given = WORDS.get(name, "").split()
    takes = {field.name for field in fields(STUDIES[name].Options)}
    toys = {"model": TOY, "data": "tests.toy_data:two_images", "images": "2"}
    missing = {key: value for key, value in toys.items() if key in takes and f"--{key}" not in given}
    usual = [part for key, value in missing.items() for part in (f"--{key}", value)]
    return [name, *usual, *given]


def _printed(name: str, words: list[str]) -> str:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    if code != 0:
        line = f"mt-attack {' '.join(words)}\n{err.getvalue()}"
        pytest.fail(f"{line}\n{name!r} does not run on toy models and data; if it cannot, give it a line in WORDS.")
    return out.getvalue()


def _times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "cells").iterdir()}


def test_words_are_of_studies_that_are_there() -> None:
    assert set(WORDS) <= set(STUDIES)


@pytest.mark.parametrize("name", STUDIES)
def test_it_says_what_it_is(name: str) -> None:
    study = STUDIES[name]
    assert study.name == name == name.lower()
    assert study.help
    assert len(study.help) < 90
    assert not study.help.endswith(".")
    assert (inspect.getdoc(study) or "").strip()


@pytest.mark.parametrize("name", STUDIES)
def test_every_option_has_a_default_and_a_line_of_help(name: str) -> None:
    without_default = [
        field.name for field in fields(STUDIES[name].Options) if field.default is field.default_factory is MISSING
    ]
    assert not without_default
    texts = "\n".join(inspect.getdoc(base) or "" for base in STUDIES[name].Options.__mro__)
    assert not [field.name for field in fields(STUDIES[name].Options) if f"{field.name}: " not in texts]


@pytest.mark.parametrize("name", STUDIES)
def test_help_shows_every_option_and_the_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    command = command_of(STUDIES[name])
    assert not [option for option in command.hints if f"--{dashed(option)}" not in shown]
    assert f"example: mt-attack {name} {command.example}" in " ".join(shown.split())


@pytest.mark.parametrize("name", STUDIES)
def test_the_example_is_a_command_line(name: str) -> None:
    command = command_of(STUDIES[name])
    parse(command, shlex.split(command.example))


@pytest.mark.parametrize("name", STUDIES)
def test_tables_and_figures_are_made(name: str, runs: Runs) -> None:
    run = runs(name)
    tables = json.loads(run.as_json)
    assert tables
    for table, rows in tables.items():
        assert len(pd.read_csv(run.folder / f"{table}.csv")) == len(rows) > 0
        assert (run.folder / f"{table}.md").read_text("utf-8").startswith("| ")
    assert "| " in run.printed
    assert f"written to {run.folder}" in run.printed
    for picture in run.folder.glob("*.png"):
        assert picture.stat().st_size > 5000


@pytest.mark.parametrize("name", STUDIES)
def test_a_second_run_takes_every_cell_from_the_store(name: str, runs: Runs) -> None:
    run = runs(name)
    assert run.cells
    assert run.cells_again == run.cells
    assert run.again == run.printed


@pytest.mark.parametrize("name", STUDIES)
def test_the_record_says_how_to_repeat_it(name: str, runs: Runs) -> None:
    record = json.loads((runs(name).folder / "run.json").read_text("utf-8"))
    assert record["command"] == name
    assert set(record["options"]) == {field.name for field in fields(STUDIES[name].Options)}
    assert record["seeds"]
    assert record["device"] == "cpu" or record["device"].startswith("cuda")
    assert {"mt-torchattacks", "python", "torch"} <= set(record["versions"])
    assert record["digests"]["models"]
    assert record["digests"]["data"]
    assert record["seconds"] > 0
