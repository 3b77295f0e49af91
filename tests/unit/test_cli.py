from __future__ import annotations

from pathlib import Path

import pytest

from mt_torchattacks.cli import main
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

    def train(recipe: Recipe, output: Path) -> dict[str, object]:
        seen.append((recipe, output))
        metrics = {"depth": {"abs": 0.25}}
        return {"training_seconds": 7, "metrics": metrics, "baseline": {"depth": {"abs": 1.5}}}

    monkeypatch.setattr("mt_torchattacks.cli.train.train", train)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "rooms3/partly-shared", "--epochs", "2", "--rooms", "32"]) == 0
    assert main(["train", "rooms3/independent", "--output", "here"]) == 0
    (short, first), (whole, second) = seen
    assert (short.fit["epochs"], short.train["length"]) == (2, 32)
    assert whole == Recipe.named("rooms3/independent")
    assert (first, second) == (Path("results/train/rooms3/partly-shared"), Path("here"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["model", "mean", "prediction"]
    assert lines[2].split() == ["depth", "abs", "0.250", "1.500"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "rooms9/all"], "mt-attack train: recipe: expected one of 'rooms3/all-shared'"),
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
    assert "{demo,train,layouts,bench,data}" in capsys.readouterr().out
