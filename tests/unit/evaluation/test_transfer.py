"""Images made on one model and shown to others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.evaluation import AttackSpec, NamedModel, Store, attack_specs
from mt_torchattacks.report import by_target, transfer_summary
from mt_torchattacks.studies import transfer
from tests import toys
from tests.unit.evaluation.toy_scenes import NAMES, scenes, subject

PLANS = attack_specs(["pgd", "difgsm"], ["dgba", "single:depth"], [8], NAMES, steps=2)


class Counted(toys.Toy):
    """Counts the forward passes that are differentiated."""

    attacked = 0

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        self.attacked += x.requires_grad
        return super().forward(x)


class Fewer(toys.Toy):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        outputs = super().forward(x)
        return {name: outputs[name] for name in ("segmentation", "normal")}


class OtherClasses(toys.Toy):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        outputs = super().forward(x)
        return outputs | {"segmentation": outputs["segmentation"][:, :2]}


def test_the_white_box_is_what_evaluate_finds_and_the_black_box_what_a_replay_finds(tmp_path: Path) -> None:
    data, surrogate, other = scenes(), subject(0), subject(1)
    frame = transfer(Store(tmp_path), surrogate, [other], data, PLANS, seed=5, progress=False)
    assert frame[["surrogate", "target", "setting"]].drop_duplicates().to_numpy().tolist() == [
        ["toy 0", "toy 0", "white_box"],
        ["toy 0", "toy 1", "black_box"],
    ]
    for plan in PLANS:
        attack = plan.build(surrogate.model, data.tasks)
        for target in (surrogate, other):
            torch.manual_seed(5)
            # The attack sees its own model whatever model is evaluated.
            found = mta.evaluate(target.model, data.tasks, data.batches, {"": attack}, progress=False).relative[""]
            rows = frame.query("target == @target.name and attack == @plan.attack.lower() and rule == @plan.rule")
            assert rows[[*NAMES, "total"]].to_numpy().tolist() == [[*found.per_task.values(), found.total]]


def test_images_are_made_once_and_never_for_cells_that_are_there(tmp_path: Path) -> None:
    data, counted = scenes(), Counted()
    surrogate, store = NamedModel("toy", counted), Store(tmp_path)
    transfer(store, surrogate, [subject(1), subject(2)], data, PLANS[:1], progress=False)
    assert counted.attacked == 2 * len(data.batches)  # two steps for each batch
    transfer(store, surrogate, [subject(2), surrogate, subject(1)], data, PLANS[:1], progress=False)
    assert counted.attacked == 2 * len(data.batches)
    transfer(store, surrogate, [subject(3)], data, PLANS[:1], progress=False)
    assert counted.attacked == 4 * len(data.batches)
    assert len(store.frame()) == 4


def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    data, store = scenes(), Store(tmp_path)

    class Killed(toys.Toy):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            if len(list(tmp_path.glob("*.json"))) == 3:
                raise KeyboardInterrupt
            return super().forward(x)

    with pytest.raises(KeyboardInterrupt):
        transfer(store, subject(0), [NamedModel("toy 1", Killed(1))], data, PLANS, progress=False)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    frame = transfer(store, subject(0), [subject(1)], data, PLANS, progress=False)
    assert len(frame) == len(list(tmp_path.iterdir())) == 2 * len(PLANS)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert frame.equals(transfer(Store(tmp_path / "new"), subject(0), [subject(1)], data, PLANS, progress=False))


def test_transferability_is_that_of_an_attack_on_one_task(tmp_path: Path) -> None:
    frame = transfer(Store(tmp_path), subject(0), [], scenes(), PLANS[:2], progress=False)
    dgba, single = frame.to_dict("records")
    assert math.isnan(dgba["transferability"])
    assert single["depth"] > 0
    assert single["transferability"] == pytest.approx((single["segmentation"] + single["normal"]) / 2 / single["depth"])


@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        (Fewer(), KeyError, "model 'other': .*'depth'"),
        (OtherClasses(), ValueError, "model 'other': task 'segmentation'"),
    ],
)
def test_a_target_with_other_tasks_is_refused_before_any_attack(
    tmp_path: Path, model: toys.Toy, kind: type[Exception], message: str
) -> None:
    surrogate = Counted()
    with pytest.raises(kind, match=message):
        transfer(
            Store(tmp_path), NamedModel("toy", surrogate), [NamedModel("other", model)], scenes(), PLANS, progress=False
        )
    assert surrogate.attacked == 0


def rows(surrogate: str, totals: Mapping[str, float], rule: str) -> list[dict[str, Any]]:
    return [
        {
            "surrogate": surrogate,
            "target": target,
            "setting": "white_box" if target == surrogate else "black_box",
            "attack": "pgd",
            "rule": rule,
            "eps": "8",
            "total": total,
        }
        for target, total in totals.items()
    ]


def test_tables() -> None:
    pandas = pytest.importorskip("pandas")
    one = rows("a", {"a": 90.0, "b": 10.0, "c": 20.0}, "total") + rows("a", {"a": 80.0, "b": 30.0, "c": 20.0}, "dgba")
    other = rows("b", {"b": 70.0, "a": 40.0}, "total") + rows("b", {"b": 60.0, "a": 10.0}, "dgba")
    wide = by_target(pandas.DataFrame(one))
    assert list(wide.columns) == ["eps", "attack", "rule", "a (white box)", "b", "c", "mean black box"]
    assert wide.to_numpy().tolist() == [
        ["8", "pgd", "total", 90.0, 10.0, 20.0, 15.0],
        ["8", "pgd", "dgba", 80.0, 30.0, 20.0, 25.0],
    ]
    summary = transfer_summary(pandas.DataFrame(one + other))
    assert summary.to_dict("records") == [{"eps": "8", "attack": "pgd", "total": 70 / 3, "dgba": 20.0}]


def test_no_plan_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="plans: expected at least one attack"):
        transfer(Store(tmp_path), subject(0), [], scenes(), [], progress=False)
    assert AttackSpec("pgd").name == "pgd/dgba/8"
