"""Every image's losses: columns as they were measured, and a comparison that scipy's own numbers agree with."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mt_torchattacks.cli import main
from mt_torchattacks.evaluation import Evaluation, Measurements
from mt_torchattacks.report import compared_table, per_image_table, to_parquet

IMAGES = 9
NUMBERS = np.random.default_rng(0)
CLEAN = {task: NUMBERS.uniform(0.1, 1, IMAGES) for task in ("depth", "normal")}
RISES = {"a/dgba/8": 2.0, "b/dgba/8": 1.9, "c/total/8": 0.5, "a/dgba/4": 1.0}
FOOLED = {
    name: {task: losses + rise * NUMBERS.uniform(0.5, 1.5, IMAGES) for task, losses in CLEAN.items()}
    for name, rise in RISES.items()
}


def measured(losses: dict[str, np.ndarray], *, kept: bool = True) -> Measurements:
    means = {task: float(of.mean()) for task, of in losses.items()}
    every = {task: of.tolist() for task, of in losses.items()} if kept else None
    return Measurements({task: {"error": mean} for task, mean in means.items()}, means, 0.0, IMAGES, every)


EVALUATION = Evaluation(
    measured(CLEAN),
    {name: measured(losses) for name, losses in FOOLED.items()},
    {task: {"error": False} for task in CLEAN},
)


def harm(name: str) -> np.ndarray:
    """Written another way than the library: task by task, image by image."""
    tasks = [[(FOOLED[name][t][i] - CLEAN[t][i]) / np.mean(CLEAN[t]) for i in range(IMAGES)] for t in CLEAN]
    return 100 * np.mean(tasks, axis=0)


def test_a_row_for_each_attack_image_and_task() -> None:
    frame = per_image_table(EVALUATION)
    assert len(frame) == len(FOOLED) * IMAGES * 2
    row = frame[(frame["attack"] == "b/dgba/8") & (frame["image"] == 4) & (frame["task"] == "normal")].iloc[0]
    assert row["loss"] == np.float32(FOOLED["b/dgba/8"]["normal"][4])
    assert row["clean"] == np.float32(CLEAN["normal"][4])
    back = pd.read_parquet(io.BytesIO(to_parquet(frame)))
    pd.testing.assert_frame_equal(back, frame)


def test_the_strongest_attack_beside_the_others() -> None:
    found = compared_table(EVALUATION)
    assert found["eps"].tolist() == ["8", "8", "8", "4"]
    at_8 = found[found["eps"] == "8"].set_index("attack")
    best, *others = sorted(("a/dgba", "b/dgba", "c/total"), key=lambda name: -harm(f"{name}/8").mean())
    assert at_8.index.tolist() == [best, *others]
    p_values = []
    for name in others:
        differences = harm(f"{best}/8") - harm(f"{name}/8")
        low, high = stats.t.interval(0.95, IMAGES - 1, differences.mean(), stats.sem(differences))
        assert at_8.loc[name, ["less", "low", "high"]].tolist() == pytest.approx(
            [differences.mean(), low, high], rel=1e-3
        )
        signs = np.array(np.meshgrid(*[[-1, 1]] * IMAGES)).reshape(IMAGES, -1)  # every way to swap
        swapped = (signs * differences[:, None]).mean(axis=0)
        p_values.append(float((np.abs(swapped) >= abs(differences.mean()) - 1e-12).mean()))
    smaller, larger = sorted(p_values)
    corrected = {smaller: min(2 * smaller, 1), larger: max(2 * smaller, larger)}
    assert at_8.loc[others, "p"].tolist() == pytest.approx([corrected[p] for p in p_values])
    assert at_8.loc[best].isna().sum() == 4
    assert found["harm (%)"].tolist()[-1] == pytest.approx(harm("a/dgba/4").mean())


def test_a_mean_rise_is_the_mean_loss_s() -> None:
    """By hand: the mean over the images is how much the mean losses rise."""
    found = compared_table(EVALUATION).set_index(["attack", "eps"])["harm (%)"]
    losses = {name: of.losses for name, of in EVALUATION.attacked.items()}
    clean = EVALUATION.clean.losses
    rise = np.mean([losses["c/total/8"][task] / clean[task] - 1 for task in clean])
    assert found["c/total", "8"] == pytest.approx(100 * rise)


def test_without_the_losses_of_each_image_it_is_said() -> None:
    bare = Evaluation(measured(CLEAN, kept=False), EVALUATION.attacked, EVALUATION.directions)
    with pytest.raises(ValueError, match=r"evaluation: expected every sample's losses \(per_sample=True\), found none"):
        per_image_table(bare)
    with pytest.raises(ValueError, match="every sample's losses"):
        compared_table(bare)


def test_the_command_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--attack", "fgsm", "--balance", "total", "dgba", "--images", "3", "--batch-size", "2"]
    assert main([*words, "--per-image", "--output", str(tmp_path)]) == 0
    frame = pd.read_parquet(tmp_path / "per_image.parquet")
    assert len(frame) == 2 * 3 * 3
    evaluation = Evaluation.load(tmp_path / "evaluation.json")
    means = frame.groupby(["attack", "task"], observed=True)["loss"].mean()
    assert means["fgsm/dgba/8", "depth"] == pytest.approx(evaluation.attacked["fgsm/dgba/8"].losses["depth"], rel=1e-5)
    assert len(pd.read_csv(tmp_path / "compared.csv")) == 2
    assert "Harm by image" in capsys.readouterr().out


def test_one_image_is_written_and_compared_with_nothing(tmp_path: Path) -> None:
    words = ["evaluate", "--attack", "fgsm", "--images", "1", "--per-image", "--quiet", "--output", str(tmp_path)]
    assert main(words) == 0
    assert len(pd.read_parquet(tmp_path / "per_image.parquet")) == 3
    assert not (tmp_path / "compared.csv").exists()


def test_a_missing_package_is_said_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    words = ["evaluate", "--attack", "fgsm", "--images", "1", "--per-image", "--output", str(tmp_path)]
    assert main(words) == 2
    assert "mt-torchattacks[parquet]" in capsys.readouterr().err
    assert not (tmp_path / "cells").exists()
