"""Every study run once on toy models and data, for the tests that look at what it wrote and printed.

A new study is run with the defaults of its options. Where that takes long, or cannot work, it has a line in ``WORDS``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields
from io import StringIO
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

from mt_torchattacks.cli import main
from mt_torchattacks.studies import all_studies

STUDIES = all_studies()
TOY, OTHER = "tests.toy_data:toy", "tests.toy_data:other_toy"
WORDS = {
    "audit": "--steps 2 --queries 3",
    "auto-saga": "--steps 1",
    "auxiliary-tasks": (
        "--data rooms --task depth normal --train-images 16 --epochs 1 --early-epochs 1 --images 2 --steps 1"
    ),
    "budget": "--passes 4 --attack fgsm pgd",
    "demo": "--steps 2 --model tests.toy_data:small --data tests.toy_data:small_rooms --images 3",
    "convergence": "--steps 1 2",
    "defence": f"--undefended {OTHER} --attack fgsm pgd --steps 1",
    "evaluate": "--steps 1",
    "evasion": "--eps 8/255 --steps 1",
    "gallery": "--steps 1 --balance dgba",
    "leaderboard": "--steps 1 --queries 2",
    "members": "--eps 8/255 --steps 1 --largest 2",
    "metric-targets": "--model rooms3/all-shared --eps 8 --steps 1 --seeds 2 --images 1",  # it makes its own rooms
    "queries": "--queries 4 --steps 1",
    "radius": "--steps 1 --rounds 2 --balance dgba max_min",
    "sharing": "--steps 1",
    "stealth": "--steps 1",
    "transfer": f"--surrogate {TOY} --targets {TOY} {OTHER} --attack fgsm --balance dgba single",
    "two-digits": "--seeds 2 --images 12 --steps 2 --scales 1 25 --train-images 200 --epochs 1",
    "universal": "--fit-to tests.toy_data:two_images --eps 8/255 --scale 0.5 --balance dgba --epochs 1 --steps 1",
    "vulnerability": "--eps 8/255 --norm Linf L2 --l2-radius 1 --steps 1",
    "weights": "--attack fgsm --grid-step 0.25 --rungs 1",
    "white-box": "--attack fgsm pgd --steps 1",
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
"""The run of a study by its name."""


def run_study(name: str, folder: Path) -> Run:
    """A study run into a folder that is not there yet, and twice more into the same."""
    words = [*words_of(name), "--output", str(folder)]
    printed, cells = _printed(name, words), _times(folder)
    again, cells_again = _printed(name, words), _times(folder)
    return Run(folder, printed, cells, again, cells_again, _printed(name, [*words, "--json"]))


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
