from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mt_torchattacks.cli import main
from mt_torchattacks.cli.main import COMMANDS
from mt_torchattacks.training import Recipe


def test_layouts_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layouts", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 35
    assert lines[9].split()[:4] == ["nyuv2/41", "61.13", "M", "3"]


def test_layouts_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layouts", "show", "nyuv2/33", "--tasks", "seg,normal,depth"]) == 0
    assert main(["layouts", "show", "[[[0, 1]], [[0], [1]]]"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "image",
        "└── blocks 0-1: seg, normal, depth",
        "    ├── blocks 2-4: seg",
        "    └── blocks 2-3: normal, depth",
        "        ├── block 4: normal",
        "        └── block 4: depth",
        "image",
        "└── block 0: task 0, task 1",
        "    ├── block 1: task 0",
        "    └── block 1: task 1",
    ]


def test_train(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def train(recipe: Recipe, output: Path, **options: Any) -> dict[str, object]:
        seen.append((recipe, output, options))
        metrics = {"depth": {"abs": 0.25}}
        return {
            "training_seconds": 7, "samples": {"test": 9}, "metrics": metrics, "baseline": {"depth": {"abs": 1.5}},
        }  # fmt: skip

    monkeypatch.setattr("mt_torchattacks.cli.train.train", train)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "rooms3/partly-shared", "--epochs", "2", "--rooms", "32", "--precision", "bf16-mixed"]) == 0
    assert main(["train", "nyuv2/41", "--output", "here", "--data", "nyu", "--resume", "--weights", "uncertainty"]) == 0
    (short, first, options), (whole, second, others) = seen
    assert (short.fit["epochs"], short.train["length"]) == (2, 32)
    assert options["fabric"].strategy.precision.precision == "bf16-mixed"
    assert (options["resume"], options["root"], options["workers"], options["tensorboard"]) == (False, None, 0, False)
    recipe = Recipe.named("nyuv2/41")
    assert whole == replace(recipe, fit=recipe.fit | {"weights": "uncertainty"})
    assert (others["resume"], others["root"]) == (True, Path("nyu"))
    assert (first, second) == (Path("results/train/rooms3/partly-shared"), Path("here"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "rooms3/partly-shared: 7 s; on 9 held-out images:"
    assert lines[1].split() == ["model", "mean", "prediction"]
    assert lines[2].split() == ["depth", "abs", "0.250", "1.500"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "rooms9/all"], "mt-attack train: recipe: expected one of 'cityscapes/AS'"),
        (["train", "nyuv2/41"], "mt-attack train: data: expected the folder of nyuv2, found none."),
        (
            ["train", "rooms3/independent", "--rooms", "16", "--weights", "x"],
            "mt-attack train: weights: expected 'equal'",
        ),
        (["layouts", "show", "[[[0]], [[1]]]"], "mt-attack layouts: block 1: expected each of the tasks 0 to 0"),
        (["layouts", "show", "nyuv2/999"], "mt-attack layouts: layout: expected nested lists"),
    ],
)
def test_errors_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(message)
    assert captured.err.count("\n") == 1


def test_help_shows_only_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out.split("{")[1].split("}")[0].split(",")
    assert shown == [command.__name__.split(".")[-1].replace("_", "-") for command in COMMANDS]


def test_ctrl_c_ends_without_a_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mt_torchattacks.cli.train.train", interrupted)
    assert main(["train", "rooms3/independent", "--rooms", "16"]) == 130
    assert capsys.readouterr().err == "mt-attack train: interrupted\n"
