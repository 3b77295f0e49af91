"""Several processes share the images of a cell: the numbers are those of one, and each cell is written once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mt_torchattacks.cli import main
from mt_torchattacks.evaluation import Evaluation

COMMAND = Path(sys.executable).with_name("mt-attack")
WORDS = ["evaluate", "--images", "5", "--batch-size", "2", "--attack", "apgd", "fgsm", "--steps", "2", "--per-image"]


def together(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in two processes of torchrun."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TORCHELASTIC_ERROR_FILE": ""}
    return subprocess.run(
        [*start, str(COMMAND), *words], env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of one process and of two."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    assert main([*WORDS, "--quiet", "--output", str(one)]) == 0
    run = together(*WORDS, "--output", str(two))
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("Clean metrics of") == 1  # one process prints
    return one, two


def values(folder: Path) -> dict[str, Any]:
    """The cells by name, without their seconds."""
    found = {path.name: json.loads(path.read_text())["value"] for path in (folder / "cells").glob("*.json")}
    for value in found.values():
        value.get("attacked", value).pop("seconds")
    return found


def test_the_numbers_are_those_of_one_process(both: tuple[Path, Path]) -> None:
    one, two = (Evaluation.load(folder / "evaluation.json") for folder in both)
    assert two.clean.samples == 5
    for name, found in two.attacked.items():
        expected = one.attacked[name]
        for task, metrics in found.metrics.items():
            assert metrics == pytest.approx(expected.metrics[task], rel=1e-6)
        assert found.losses == pytest.approx(expected.losses, rel=1e-6)
        assert found.samples == 5
    images = [pd.read_parquet(folder / "per_image.parquet") for folder in both]
    pd.testing.assert_frame_equal(images[0], images[1], rtol=1e-5)  # in the order of the data


def test_the_cells_are_the_same_and_nothing_is_left_behind(both: tuple[Path, Path]) -> None:
    one, two = (values(folder) for folder in both)
    assert one.keys() == two.keys()
    assert [path.name for path in (both[1] / "cells").iterdir() if path.name.startswith(".")] == []


def test_one_process_goes_on_with_what_two_have_done(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in (both[1] / "cells").glob("*.json")}
    assert main([*WORDS, "--output", str(both[1])]) == 0
    assert {path: path.stat().st_mtime_ns for path in (both[1] / "cells").glob("*.json")} == before
    again = together(*WORDS, "--output", str(both[0]))  # and the other way round
    assert again.returncode == 0, again.stderr


def test_fewer_batches_than_processes_is_said(tmp_path: Path) -> None:
    run = together("evaluate", "--images", "2", "--attack", "fgsm", "--output", str(tmp_path))
    assert run.returncode != 0
    assert "batch_size: expected one that gives a batch to each of 2 processes, found 1 in all" in run.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["budget"], "torchrun: expected one process for budget (--executor spreads its cells), found 2 processes"),
        ([*WORDS, "--executor", "local:2"], "executor: expected none under torchrun, found local:2"),
    ],
)
def test_what_cannot_be_shared_is_said(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main([*words, "--output", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
