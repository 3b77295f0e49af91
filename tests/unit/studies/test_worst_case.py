"""What each component of the worst case does, which wins how often, and that none is above the worst."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.attacks.best import BestOf
from mt_torchattacks.cli import main
from mt_torchattacks.evaluation import NamedData, measure
from mt_torchattacks.studies.worst_case import WORST, check_worst, evaluate_worst_case
from tests import toys


@pytest.fixture(name="attack", scope="module")
def _attack() -> mta.WorstCase:
    return mta.WorstCase(toys.Toy(), toys.tasks(), eps=8 / 255, steps=4, n_queries=15)


def test_evaluation_counts_wins_and_is_never_below_a_component(attack: mta.WorstCase) -> None:
    batches = [toys.batch(4), toys.batch(3, seed=1)]
    data = NamedData("toys", batches, toys.tasks(), {})
    clean = measure(attack.model, data.tasks, batches)
    found = evaluate_worst_case(attack, data, clean, progress=False)
    assert sum(found.wins.values()) == 7
    assert list(found.wins) == ["clean", *attack.components]
    assert found.scores[WORST] >= max(found.scores.values())
    winners = [
        torch.stack([attack.scores(c, *batch) for c in [batch[0], *(a(*batch) for a in attack.components.values())]])
        for batch in batches
    ]
    expected = torch.cat([scores.argmax(0) for scores in winners]).bincount(minlength=len(found.wins))
    assert list(found.wins.values()) == expected.tolist()
    table = found.to_frame()
    assert list(table.index) == [*attack.components, WORST]
    assert list(table.columns) == ["wins", "score", *toys.NAMES, "total"]


def test_a_result_that_is_not_the_worst_is_found(attack: mta.WorstCase) -> None:
    images, targets = toys.batch(2)
    best = BestOf(images, attack.scores(images, images, targets), name="clean")
    found = attack.only("apgd/dgba")(images, targets)
    best.add(found, attack.scores(found, images, targets), name="apgd/dgba")
    check_worst(attack, [(images, targets)], [best])
    best.images = images
    with pytest.raises(AssertionError, match="scores lower than apgd/dgba"):
        check_worst(attack, [(images, targets)], [best])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["worst-case", "--model", "rooms3/independent", "--eps", "4", "--eps", "8", "--judge", "errors"]
    words += ["--images", "2", "--steps", "1", "--queries", "3", "--output", str(tmp_path)]
    assert main(words) == 0
    wins = pd.read_csv(tmp_path / "wins.csv")
    assert wins["eps"].tolist() == [4, 8]
    assert wins.iloc[:, 2:].sum(axis=1).tolist() == [2, 2]
    printed = capsys.readouterr().out
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert main(words) == 0
    assert capsys.readouterr().out == printed
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
