"""Studies on several workers: the same results, every cell once, whatever happens to a worker."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mt_torchattacks.cli import main
from mt_torchattacks.evaluation.executors import open_executor, run_everywhere

WORDS = ["white-box", "--model", "tests.toy_data:toy", "--data", "tests.toy_data:two_images", "--images", "2",
         "--attack", "fgsm", "pgd", "--steps", "2"]  # fmt: skip
KILLS = int(os.environ.get("KILLS", "3"))
"""How often the run is killed; the project's own figure is of 30."""


def values(folder: Path) -> dict[str, object]:
    """The cells' losses by their files' names; the last digits depend on the number of threads."""
    found: dict[str, object] = {}
    for path in sorted((folder / "cells").glob("*.json")):
        value = json.loads(path.read_text())["value"]
        losses = value.get("attacked", value)["losses"]
        found |= {f"{path.name} {task}": pytest.approx(loss, rel=1e-3) for task, loss in losses.items()}
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("one") / "results"
    assert main([*WORDS, "--output", str(folder), "--quiet"]) == 0
    return values(folder)


@contextmanager
def dask() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield f"dask:{cluster.scheduler_address}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::UserWarning")
@pytest.mark.parametrize("kind", ["local:2", "submitit:2", "dask"])
def test_the_cells_are_those_of_one_process(tmp_path: Path, expected: dict[str, object], kind: str) -> None:
    pytest.importorskip({"submitit:2": "submitit", "dask": "distributed"}.get(kind, "concurrent.futures"))
    words = [*WORDS, "--output", str(tmp_path), "--quiet"]
    if kind == "dask":
        with dask() as name:
            assert main([*words, "--executor", name]) == 0
    else:
        assert main([*words, "--executor", kind]) == 0
    assert values(tmp_path) == expected


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_is_not(
    tmp_path: Path, expected: dict[str, object]
) -> None:
    code = f"import sys; from mt_torchattacks.cli import main; sys.exit(main({[*WORDS, '--output', str(tmp_path)]!r}))"
    random.seed(0)
    for _ in range(KILLS):
        two = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
               for _ in range(2)]  # fmt: skip
        time.sleep(random.uniform(2, 8))
        for process in two:
            process.send_signal(signal.SIGKILL)
            process.wait()
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(200) for process in both] == [0, 0]
    assert values(tmp_path) == expected
    assert not [path.name for path in (tmp_path / "cells").iterdir() if path.name.startswith(".") and
                path.name.endswith(".claim")]  # fmt: skip


def test_a_worker_that_dies_is_named_and_the_rest_goes_on() -> None:
    with open_executor("local:2", Path()) as (executor, workers):
        assert workers == 2
        [first, *_] = run_everywhere(executor, workers, os._exit, 3)
    assert first.startswith("BrokenProcessPool: ")


def test_a_cell_that_fails_is_shown_once_and_the_others_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*WORDS, "--output", str(tmp_path), "--executor", "local:2"]
    words[words.index("tests.toy_data:toy")] = "tests.toy_data:breaking_toy"
    assert main(words) == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith(
        "mt-attack white-box: 12 of 24 cells failed, the first of them tests.toy_data:breaking_toy pgd"
    )
    assert last.endswith("RuntimeError: it breaks under PGD")
    assert main(["status", str(tmp_path)]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("13 cells done, 0 being computed, 12 failed")


@pytest.mark.parametrize(
    ("name", "expected"), [("local", "local:N"), ("local:0", ">= 1"), ("cloud:3", "found 'cloud:3'")]
)
def test_other_executors_are_refused(name: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--executor", name]) == 2
    assert expected in capsys.readouterr().err
