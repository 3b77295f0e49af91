"""Options as they are written: lists, radii, switches, and files with options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mt_torchattacks.cli.command import is_list
from mt_torchattacks.cli.main import commands
from mt_torchattacks.cli.parse import parse
from mt_torchattacks.cli.words import UsageError, arranged
from mt_torchattacks.studies.options import Radius


def options(command: str, *words: str) -> Any:
    return parse(commands()[command], words)


@pytest.mark.parametrize(
    "words", [["--eps", "4", "8"], ["--eps", "4", "--eps", "8"], ["--eps=4", "--eps=8"], ["--eps", "4/255", "8/255"]]
)
def test_repeated_options_are_lists(words: list[str]) -> None:
    assert options("worst-case", *words).eps == [4 / 255, 8 / 255]


@pytest.mark.parametrize("name", commands())
def test_no_repeated_option_silently_keeps_the_last(name: str) -> None:
    """An option is a list, or a second value is refused."""
    command = commands()[name]
    for option, hint in command.hints.items():
        if option not in command.words and is_list(hint):
            (word,) = arranged(command, [f"--{option}", "1", f"--{option}=2"])
            assert word in (f"--{option}=[1, 2]", f'--{option}=["1", "2"]')
        elif option not in command.words:
            with pytest.raises(UsageError, match="expected once, found twice"):
                arranged(command, [f"--{option}=1", f"--{option}=2"])


@pytest.mark.parametrize(
    ("text", "size"), [("8/255", 8 / 255), ("8", 8 / 255), ("0.03", 0.03), ("1", 1 / 255), ("1/255", 1 / 255)]
)
def test_a_radius_in_each_form(text: str, size: float) -> None:
    assert options("stealth", "--eps", text).eps == size
    assert Radius.parse(str(Radius(size))) == pytest.approx(size)


def test_switches_and_choices() -> None:
    assert options("queries", "--rms").rms is True
    assert options("queries").rms is False
    assert options("sign-and-conflict", "--arp", "false").arp is False
    assert options("queries", "--attack", "square", "spsa").attack == ["square", "spsa"]


def test_hyphens_and_underscores_are_the_same() -> None:
    assert (
        options("evaluate", "--batch-size", "3").batch_size == options("evaluate", "--batch_size", "3").batch_size == 3
    )


def test_a_file_with_options(tmp_path: Path) -> None:
    (tmp_path / "options.yaml").write_text("eps: [4/255, 0.03]\nsteps: 7\n")
    found = options("worst-case", "--config", str(tmp_path / "options.yaml"))
    assert (found.eps, found.steps) == ([4 / 255, 0.03], 7)
