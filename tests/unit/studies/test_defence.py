"""The study ``defence``: metrics under attack are means over the seeds of a training."""

from __future__ import annotations

import pytest

from mt_torchattacks.evaluation import Evaluation, Measurements
from mt_torchattacks.studies.defence import Defended, attacked_by_training, training_names
from mt_torchattacks.studies.white_box import Attacked


def evaluation(clean: float, pgd: float, apgd: float) -> Evaluation:
    def measured(error: float) -> Measurements:
        return Measurements({"depth": {"abs": error}}, {"depth": error}, 0.0, 4)

    attacked = {"pgd/dgba/8": measured(pgd), "apgd/single:depth/8": measured(apgd)}
    return Evaluation(measured(clean), attacked, {"depth": {"abs": False}})


def test_metrics_under_attack_by_training() -> None:
    found = {
        "base": evaluation(1, 4, 5),
        "robust/dgba-0": evaluation(1.5, 2, 2.5),
        "robust/dgba-1": evaluation(1.5, 3, 3.5),
        "robust/total-0": evaluation(1.2, 2.25, 2.75),
    }
    table = attacked_by_training(Defended(Attacked(found, ""), "base", training_names(found, "base")))
    assert table.columns.tolist() == ["training", "attack", "rule", "eps", "depth abs"]
    values = table.set_index(["training", "attack", "rule", "eps"])["depth abs"]
    assert values["none", "pgd", "dgba", "8"] == 4
    assert values["dgba", "pgd", "dgba", "8"] == pytest.approx((2 + 3) / 2)
    assert values["dgba", "apgd", "single:depth", "8"] == pytest.approx((2.5 + 3.5) / 2)
    assert values["total", "apgd", "single:depth", "8"] == 2.75
    assert len(table) == 3 * 2
