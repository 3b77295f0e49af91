"""What every study keeps to, parametrised by the registry: its options, its help, its files, and that it goes on."""

from __future__ import annotations

import inspect
import json
import shlex
from dataclasses import MISSING, fields

import pandas as pd
import pytest

from mt_torchattacks.cli import main
from mt_torchattacks.cli.parse import parse
from mt_torchattacks.cli.study import command_of
from mt_torchattacks.cli.words import dashed
from tests.study_runs import STUDIES, WORDS, Runs


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
def test_tables_and_figures_are_made(name: str, study_run: Runs) -> None:
    run = study_run(name)
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
def test_a_second_run_takes_every_cell_from_the_store(name: str, study_run: Runs) -> None:
    run = study_run(name)
    assert run.cells
    assert run.cells_again == run.cells
    assert run.again == run.printed


@pytest.mark.parametrize("name", STUDIES)
def test_the_record_says_how_to_repeat_it(name: str, study_run: Runs) -> None:
    record = json.loads((study_run(name).folder / "run.json").read_text("utf-8"))
    assert record["command"] == name
    assert set(record["options"]) == {field.name for field in fields(STUDIES[name].Options)}
    assert record["seeds"]
    assert record["device"] == "cpu" or record["device"].startswith("cuda")
    assert {"mt-torchattacks", "python", "torch"} <= set(record["versions"])
    if {"model", "surrogate"} & set(record["options"]):  # other studies make their models and data themselves
        assert record["digests"]["models"]
        assert record["digests"]["data"]
    assert record["seconds"] > 0
