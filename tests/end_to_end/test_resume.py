"""Trainings that are killed with SIGKILL and resumed, and trainings that two processes share."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mt_torchattacks.training import Recipe, fit, make_fabric, measure, train
from mt_torchattacks.training import run as run_module
from mt_torchattacks.training.trainer import STATE
from tests.unit.training.models import TASKS, fresh, samples
from tests.unit.training.shared import OPTIONS, metrics

ROOT = Path(__file__).parents[2]
WEIGHTS = "trained.safetensors"


def train_tiny(folder: str) -> None:
    """``mt-attack train --resume`` of a small recipe on few, small rooms; it also keeps the weights unrounded."""

    def fit_and_keep(model: nn.Module, *arguments: Any, **options: Any) -> None:
        fit(model, *arguments, **options)
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, Path(folder, WEIGHTS))

    torch.set_num_threads(1)
    run_module.fit = fit_and_keep
    recipe = Recipe.named("rooms3-resnet34/4-shared").shortened(epochs=6, rooms=8)
    recipe.data["size"], recipe.test["length"], recipe.fit["batch_size"] = 16, 4, 4
    recipe.options.update(width=4, head_width=4)
    train(recipe, Path(folder), fabric=make_fabric(accelerator="cpu"), resume=True, progress=False)


@pytest.fixture(scope="module")
def server() -> ForkServerContext:
    """Starts processes that have imported the library already."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["mt_torchattacks.training", "lightning_fabric", "torchvision"])
    return context


def run(server: ForkServerContext, folder: Path, *, kill_after: float | None) -> int:
    """One process that trains; killed so many seconds after it saved for the first time."""
    before = _saved(folder)
    process = server.Process(target=train_tiny, args=(str(folder),))
    process.start()
    if kill_after is not None:
        while process.is_alive() and _saved(folder) == before:
            time.sleep(0.001)
        time.sleep(kill_after)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
    process.join(120)
    assert process.exitcode is not None
    return process.exitcode


def _saved(folder: Path) -> int:
    """When the state was last written; 0 for never."""
    try:
        return (folder / STATE).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def test_a_killed_training_ends_as_the_uninterrupted_one(server: ForkServerContext, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(server, whole, kill_after=None) == 0
    codes = [run(server, killed, kill_after=delay) for delay in (0.0, 0.013, 0.029)]
    assert codes == [-signal.SIGKILL] * 3
    assert run(server, killed, kill_after=None) == 0
    expected, found = (load_file(folder / WEIGHTS) for folder in (whole, killed))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert (killed / "log.csv").read_bytes() == (whole / "log.csv").read_bytes()
    records = [json.loads((folder / "model.json").read_text()) for folder in (whole, killed)]
    assert records[0]["metrics"] == records[1]["metrics"]
    for folder in (whole, killed):
        assert {path.name for path in folder.iterdir()} == {"log.csv", "model.json", "model.safetensors", WEIGHTS}


def test_two_processes_are_as_one(tmp_path: Path) -> None:
    """Torchrun on gloo: the same global batches, hence the same losses, weights and metrics, and a resumable state."""
    script = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*script, "-m", "tests.unit.training.shared", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "found.json").read_text())
    for name, options in OPTIONS.items():
        model = fresh(plain=True)
        rows = fit(model, TASKS, samples(), fabric=make_fabric(accelerator="cpu"), progress=False, **options)
        for row, other in zip(rows, found[name]["rows"], strict=True):
            assert row == pytest.approx(other, rel=1e-5)
        weights = load_file(tmp_path / f"{name}.safetensors")
        for key, value in model.state_dict().items():
            torch.testing.assert_close(weights[key], value, rtol=1e-4, atol=1e-6)
        expected = measure(model, TASKS, samples(21), metrics(), batch_size=4)
        for task, values in expected.items():
            assert found[name]["metrics"][task] == pytest.approx(values, rel=1e-4)
    assert found["errors"] == [
        "batch_size: expected a multiple of the 2 processes, found 5.",
        "weights: expected one process and no '16-mixed' for TorchJD, found Aggregated.",
    ]
