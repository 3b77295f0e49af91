"""What each component of the worst case does, which wins how often, and the verdicts, as cells and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.evaluation.passes import count_passes
from mt_torchattacks.studies.worst_case import Scored, best_by_score
from tests import toys


def test_best_by_score_is_what_the_attack_itself_returns() -> None:
    def erratic(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return 2 + (1e5 * output.flatten(1).mean(1)).cos()  # so that every component wins somewhere

    own: Any = {"judge": mta.Tasks(depth=erratic), "balance": "total", "steps": 4, "n_queries": 15}
    attack = mta.WorstCase(toys.Toy(), toys.tasks(), eps=8 / 255, **own)
    members = {name: Scored(attack, name) for name in attack.components}
    batches = [toys.batch(4), toys.batch(3, seed=1)]
    made: dict[str, list[torch.Tensor]] = {name: [] for name in members}
    for images, targets in batches:
        for name, member in members.items():
            made[name] += member(images, targets)
    chosen = best_by_score(members)
    expected = torch.cat([attack(*batch) for batch in batches])
    clean = torch.cat([images for images, _ in batches])
    found = [clean[i] if name == "clean" else made[name][i] for i, name in enumerate(chosen)]
    assert torch.equal(torch.stack(found), expected)
    assert len(set(chosen)) > 1


def test_passes_are_counted_a_sample() -> None:
    attack, (images, targets) = mta.WorstCase(toys.Toy(), toys.tasks(), steps=4, n_queries=15), toys.batch(3)
    member = Scored(attack, "apgd/dgba")
    member(images, targets)
    with count_passes(attack.model) as counted:
        attack.only("apgd/dgba")(images, targets)
    assert member.passes == 3 * (counted.forward + counted.backward)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["worst-case", "--model", "rooms3/independent", "--eps", "4", "--eps", "8", "--judge", "errors"]
    words += ["--images", "2", "--steps", "1", "--queries", "3", "--output", str(tmp_path)]
    assert main(words) == 0
    for name in ("wins", "score_wins"):
        wins = pd.read_csv(tmp_path / f"{name}.csv")
        assert wins["eps"].tolist() == [4, 8]
        assert wins.iloc[:, 2:].sum(axis=1).tolist() == [2, 2]
    arp, envelope = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("arp", "envelope"))
    components = arp.loc[:, "apgd/dgba":"square"]  # type: ignore[misc]
    assert (arp["worst case"] >= components.max(axis=1)).all()
    assert (arp["envelope"] >= arp["worst case"]).all()
    assert envelope.iloc[:, 2:].mean(axis=1).tolist() == pytest.approx(arp["envelope"].tolist())
    printed = capsys.readouterr().out
    assert "of 2 cells" in printed
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert main(words) == 0
    assert capsys.readouterr().out == printed
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}


def test_a_goal_that_there_is_not_is_said_before_the_attacks_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["worst-case", "--model", "rooms3/independent", "--images", "2", "--steps", "1000000", "--goal", "depth/ab"]
    assert main([*words, "--output", str(tmp_path)]) == 2
    assert "goal: expected one of 'arp', 'segmentation/miou'" in capsys.readouterr().err
