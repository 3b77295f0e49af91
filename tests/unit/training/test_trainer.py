"""Interrupting and resuming in one process; tests/end_to_end/test_resume.py does it with SIGKILL."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.training import fit, make_fabric
from mt_torchattacks.training.trainer import STATE
from tests.unit.training.models import TASKS, TwoHeads, fresh, samples


class Stop(Exception):
    """In place of a power cut."""


def train(folder: Path | None, **options: Any) -> tuple[list[dict[str, float]], dict[str, Tensor]]:
    model = fresh()
    rows = fit(model, TASKS, samples(), folder=folder, progress=False, **{"epochs": 4, "batch_size": 8} | options)
    return rows, model.state_dict()


def interrupt(folder: Path, monkeypatch: pytest.MonkeyPatch, forwards: int, **options: Any) -> None:
    """Stop in the given forward pass; there are two an epoch."""
    forward, count = TwoHeads.forward, iter(range(1, 1000))

    def stopping(self: TwoHeads, images: Tensor) -> dict[str, Tensor]:
        if next(count) == forwards:
            raise Stop
        return forward(self, images)

    with monkeypatch.context() as patch:
        patch.setattr(TwoHeads, "forward", stopping)
        with pytest.raises(Stop):
            train(folder, resume=True, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weights": "uncertainty", "optimizer": "sgd", "schedule": {"name": "step", "every": 3, "factor": 0.5}},
        {"weights": "torchjd:UPGrad", "optimizer": "adam", "schedule": "constant"},
        {"optimizer": {"name": "adam", "betas": (0.5, 0.999)}},
        {"weights": {"depth": 2.0}, "steps_per_epoch": 3, "ratio": 0.5, "attack": lambda x, _: x + torch.rand_like(x)},
    ],
)
def test_a_resumed_training_is_the_uninterrupted_one(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, weights = train(None, **options)
    interrupt(tmp_path, monkeypatch, 4, **options)
    interrupt(tmp_path, monkeypatch, 3, **options)
    torch.rand(17)  # what the process has drawn before must not matter
    again, same = train(tmp_path, resume=True, **options)
    assert again == rows
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    with (tmp_path / "log.csv").open(newline="") as file:
        assert [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)] == rows


def test_a_resumed_adversarial_training_is_the_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its random starts go on where they stopped; another attack is another training."""
    attack = mta.FriendlyPGD(fresh(), TASKS, eps=8 / 255, steps=2, tau=1, broken=0.01)
    rows, weights = train(None, attack=attack)
    torch.manual_seed(0)
    rows, weights = train(None, attack=attack)
    torch.manual_seed(0)
    interrupt(tmp_path, monkeypatch, 14, attack=attack)
    assert (tmp_path / STATE).exists()
    torch.rand(17)
    with pytest.raises(ValueError, match="attack: expected .*FriendlyPGD.*tau=2.*found .*tau=1"):
        train(tmp_path, resume=True, attack=mta.FriendlyPGD(fresh(), TASKS, eps=8 / 255, steps=2, tau=2, broken=0.01))
    again, same = train(tmp_path, resume=True, attack=attack)
    assert again == rows
    assert all(torch.equal(weights[name], same[name]) for name in weights)


def test_a_log_that_lacks_a_row_is_completed(tmp_path: Path) -> None:
    """Killed between the state and the log."""
    rows, _ = train(tmp_path)
    (tmp_path / "log.csv").write_text("epoch,depth,normal\n")
    assert train(tmp_path, resume=True)[0] == rows
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 5


def test_without_resume_a_training_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(tmp_path, monkeypatch, 4)
    assert train(tmp_path)[0] == train(None)[0]


def test_another_trainings_state_is_an_error(tmp_path: Path) -> None:
    train(tmp_path)
    for options, message in (
        ({"lr": 0.1}, r"training.safetensors: lr: expected 0.1, found 0.003"),
        ({"epochs": 5}, "epochs: expected 5, found 4"),
        ({"weights": "uncertainty"}, "weights: expected 'uncertainty', found None"),
        ({"fabric": make_fabric("bf16-mixed", "cpu")}, "precision: expected 'bf16-mixed', found '32-true'"),
    ):
        with pytest.raises(ValueError, match=message):
            train(tmp_path, resume=True, **options)


def test_an_aggregator_with_a_memory_is_not_resumed(tmp_path: Path) -> None:
    train(tmp_path, weights="torchjd:GradVac")
    with pytest.raises(ValueError, match="weights: expected an aggregator without a memory"):
        train(tmp_path, weights="torchjd:GradVac", resume=True)


def test_a_damaged_state_is_an_error_and_no_pickle_is_read(tmp_path: Path) -> None:
    train(tmp_path)
    shutil.copy(tmp_path / STATE, tmp_path / "whole")
    damaged = r"training\.safetensors: expected a whole file, found a damaged one"
    torch.save({"settings": {}}, tmp_path / STATE)
    with pytest.raises(ValueError, match=damaged):
        train(tmp_path, resume=True)
    (tmp_path / STATE).write_bytes((tmp_path / "whole").read_bytes()[:-10])
    with pytest.raises(ValueError, match=damaged):
        train(tmp_path, resume=True)


def test_bf16_trains_close_to_fp32_but_not_the_same() -> None:
    rows, weights = train(None, epochs=10)
    coarse, others = train(None, epochs=10, fabric=make_fabric("bf16-mixed", "cpu"))
    assert {value.dtype for name, value in others.items() if "num_batches" not in name} == {torch.float32}
    assert not torch.equal(weights["depth.weight"], others["depth.weight"])
    for task in TASKS:
        assert coarse[-1][task] == pytest.approx(rows[-1][task], rel=0.05)
        assert coarse[-1][task] < coarse[0][task]


@pytest.mark.parametrize("optimizer", ["adamw", "adam"])
def test_fp16_scales_the_gradients_and_resumes(optimizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Fabric's plugin on the CPU; its first scale is so small that no step is left out."""
    from lightning_fabric import Fabric
    from lightning_fabric.plugins import MixedPrecision

    def fabric() -> Fabric:
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=3)
        return Fabric(accelerator="cpu", plugins=[MixedPrecision("16-mixed", "cpu", scaler)])

    options = {"optimizer": optimizer, "epochs": 4}
    (rows, weights), (exact, _) = train(None, fabric=(used := fabric()), **options), train(None, **options)
    assert used.strategy.precision.scaler.get_scale() == 32  # doubled twice in eight steps
    assert all(rows[-1][task] == pytest.approx(exact[-1][task], rel=0.02) for task in TASKS)
    assert rows != exact
    interrupt(tmp_path, monkeypatch, 6, fabric=fabric(), **options)
    again, same = train(tmp_path, resume=True, fabric=(used := fabric()), **options)
    assert again == rows
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert used.strategy.precision.scaler.get_scale() == 32
    with pytest.raises(ValueError, match="weights: expected one process and no '16-mixed' for TorchJD"):
        train(None, fabric=fabric(), weights="torchjd:Sum")


def test_precision_and_fabric_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="precision: expected one of '32-true', 'bf16-mixed', '16-mixed', found '8'"):
        make_fabric("8")
    with pytest.raises(ValueError, match="precision: expected a GPU for '16-mixed', found a CPU"):
        make_fabric("16-mixed", "cpu")
    monkeypatch.setitem(__import__("sys").modules, "lightning_fabric", None)
    with pytest.raises(ImportError, match=r"lightning_fabric is needed here .* 'mt-torchattacks\[train\]'"):
        fit(fresh(), TASKS, samples(), epochs=1)


def test_training_on_batches_needs_no_fabric(monkeypatch: pytest.MonkeyPatch) -> None:
    from mt_torchattacks.training.adversarial import train_on_batches

    monkeypatch.setitem(__import__("sys").modules, "lightning_fabric", None)
    model, x = fresh(), torch.rand(2, 3, 4, 4)
    batch = x, {"depth": torch.ones(2, 1, 4, 4), "normal": torch.ones(2, 3, 4, 4)}
    rows = train_on_batches(model, TASKS, lambda: [batch], torch.optim.SGD(model.parameters(), lr=0.1), 5)
    assert rows[-1]["depth"] < rows[0]["depth"]
    assert isinstance(TASKS, mta.Tasks)
