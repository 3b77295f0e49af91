"""``mt-attack layouts``: what it lists, draws at random and draws as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.models import Layout, published_layouts


def lines(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["layouts", *words]) == 0
    return capsys.readouterr().out.splitlines()


def test_layouts_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layouts", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 35
    assert lines[9].split()[:4] == ["nyuv2/41", "61.13", "M", "3"]


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["list", "--tasks", "2", "--blocks", "2"],
        ["random", "--count", "2"],
        ["show", "nyuv2/33"],
        ["draw", "nyuv2/33"],
    ],
)
def test_json_holds_layouts_that_can_be_read_again(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["layouts", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for one in found if isinstance(found, list) else [found]:
        layout = Layout.parse(one["layout"])
        assert (one["blocks"], one["shared_blocks"]) == (layout.num_blocks, layout.shared_blocks)
        if "name" in one:
            assert layout == Layout.named(one["name"])
    assert main(["layouts", *words, "--quiet"]) == 0
    assert capsys.readouterr().out == ""


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


def test_list_enumerates(capsys: pytest.CaptureFixture[str]) -> None:
    listed = lines(capsys, "list", "--tasks", "3", "--blocks", "2")
    assert [line.split("  ")[1] for line in listed] == [str(layout) for layout in Layout.enumerate(3, 2)]
    assert listed[0] == "2 of 2 blocks shared  [[[0, 1, 2]], [[0, 1, 2]]]"


def test_list_counts_both_ways(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """5 copies of 21.28 M parameters; 8512 of each copy's are biases of batch normalizations."""
    one = {"tiny_taskonomy/IND": published_layouts()["tiny_taskonomy/IND"]}
    monkeypatch.setattr(mta.models, "published_layouts", lambda: one)
    (line,) = lines(capsys, "list", "--counts")
    counts = "106.38 M  counted so 106.381 M, in full 106.423 M  0 of 5 blocks shared"
    assert line.startswith(f"tiny_taskonomy/IND    {counts}")


def test_random_has_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = lines(capsys, "random")
    layout = Layout.parse(line.split("  ")[1])
    assert (len(layout.tasks), layout.num_blocks) == (3, 5)


def test_random_is_repeatable_and_has_a_seed(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("random", "--tasks", "5", "--blocks", "5", "--count", "3", "--seed")
    one, again, other = (lines(capsys, *words, seed) for seed in ("1", "1", "2"))
    assert one == again != other
    assert len({Layout.parse(line.split("  ")[1]) for line in one}) == 3


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_draw_writes_a_picture(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"new/layout.{suffix}"
    words = ("draw", "nyuv2/41", "--tasks", "seg,normal,depth", "--output", str(path))
    assert lines(capsys, *words) == [str(path)]
    assert path.read_bytes()[:4] in {b"\x89PNG", b"%PDF", b"<?xm"}
    if suffix == "png":
        with Image.open(path) as picture:
            assert picture.width > 2 * picture.height > 400


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "--tasks", "3"], "--blocks: expected a number from 1 to 64, found None"),
        (["list", "--tasks", "0", "--blocks", "2"], "--tasks: expected a number from 1 to 64, found 0"),
        (["random", "--tasks", "2", "--blocks", "-1"], "--blocks: expected a number from 1 to 64, found -1"),
        (["draw", "nyuv2/41", "--tasks", "seg,normal"], "task_names: expected 3 names, found 2 names"),
    ],
)
def test_errors(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layouts", *words]) == 2
    assert message in capsys.readouterr().err
