"""The demo from end to end, with a model so small that it takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mt_torchattacks.evaluation import Evaluation, NamedModel, Store
from mt_torchattacks.studies.demo import Demo, Demonstrated, DemoOptions, demo_attacks
from mt_torchattacks.tasks import standard_tasks
from tests.study_runs import Runs
from tests.toy_data import Small, rooms


def demo(folder: Path, model: Small) -> Demonstrated:
    named, data = NamedModel("small", model), rooms(1, batch_size=1)
    return Demo().run(Store(folder), lambda names: [named], lambda *_: data, DemoOptions(steps=1), progress=False)


def test_attacks_and_their_step_sizes() -> None:
    attacks = demo_attacks(Small(), standard_tasks(), steps=7)
    assert len(attacks) == 2 * 3 * 7
    assert attacks["pgd/dgba/8"].alpha == pytest.approx(2 / 255)
    assert attacks["pgd/single:normal/4"].alpha == pytest.approx(1 / 255)
    assert (attacks["apgd/relative/4"].steps, attacks["apgd/relative/4"].balance) == (7, "relative")
    assert attacks["fgsm/sign_total/8"].eps == pytest.approx(8 / 255)


def test_it_leaves_the_random_numbers_and_the_model_as_they_were(tmp_path: Path) -> None:
    model, state = Small().train(), torch.get_rng_state()
    demo(tmp_path, model)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training


def test_it_writes_everything(study_run: Runs) -> None:
    written = study_run("demo")
    names = {path.name for path in written.folder.iterdir()}
    arps = {
        f"arp{part}.{form}" for part in ("", "_total", "_segmentation", "_normal", "_depth") for form in ("csv", "md")
    }
    assert names == arps | {
        "arp.png", "cells", "clean.csv", "clean.md", "evaluation.json", "metrics.csv", "metrics.md", "predictions.png",
        "run.json",
    }  # fmt: skip
    assert len(Evaluation.load(written.folder / "evaluation.json").attacked) == 42


def test_it_prints_everything(study_run: Runs) -> None:
    written = study_run("demo")
    assert "| task         | metric       |  model | mean prediction |" in written.printed
    for measured in ("mean of all tasks", "segmentation", "normal", "depth"):
        assert f"ARP, {measured} (%; higher is the stronger attack)" in written.printed
    assert "dgba: ARP at least that of total and sign_total in" in written.printed
    assert "3 images, 42 attacks" in written.printed


def test_the_same_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Small()
    first, second = (demo(tmp_path / name, model).evaluation.relative for name in "ab")
    assert first == second
