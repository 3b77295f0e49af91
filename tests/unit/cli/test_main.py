"""``mt-attack`` itself: its help, its commands, and how it ends."""

from __future__ import annotations

import pytest

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.cli.main import commands
from mt_torchattacks.studies import all_studies


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "rooms9/all"], "mt-attack train: recipe: expected one of 'cityscapes/AS'"),
        (["train", "nyuv2/41"], "mt-attack train: data: expected the folder of nyuv2, found none."),
        (
            ["train", "rooms3/independent", "--rooms", "16", "--weights", "x"],
            "mt-attack train: weights: expected 'equal'",
        ),
        (["layouts", "show", "[[[0]], [[1]]]"], "mt-attack layouts show: block 1: expected each of the tasks 0 to 0"),
        (["layouts", "show", "nyuv2/999"], "mt-attack layouts show: layout: expected nested lists"),
    ],
)
def test_errors_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(message)
    assert captured.err.count("\n") == 1


def test_help_shows_only_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.split("commands:\n")[1].splitlines()
    shown = [line.strip().split("  ")[0] for line in lines if line.startswith("  ")]
    assert shown == list(commands())
    assert {*all_studies(), "train", "run", "list", "data check", "layouts show"} <= set(shown)


def test_help_says_the_defaults_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A zero is one; nothing, no and an empty list are none."""
    assert main(["evaluate", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--seed INT of the attacks' random numbers (default: 0)" in text
    assert main(["run", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--set" in shown
    assert "(default: )" not in shown
    assert "(default: False)" not in shown


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mt-attack {mta.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evalaute"], "mt-attack evalaute: no such command (did you mean 'evaluate'?)"),
        (["zzz"], "mt-attack zzz: no such command; there are audit, "),
        (["layouts"], "mt-attack layouts: expected one of layouts list, layouts random"),
    ],
)
def test_a_command_that_is_not_there(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(message)


def test_no_command_shows_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: mt-attack COMMAND [options]" in capsys.readouterr().out


def test_ctrl_c_ends_without_a_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mta.training, "train", interrupted)
    assert main(["train", "rooms3/independent", "--rooms", "16"]) == 130
    assert capsys.readouterr().err == "mt-attack train: interrupted\n"
