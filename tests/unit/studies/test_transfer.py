"""Images made on one model and shown to others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from pandas import DataFrame
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.evaluation import NamedData, NamedModel, Store, attack_specs
from mt_torchattacks.report import by_target, transfer_summary
from mt_torchattacks.studies.transfer import Transfer, TransferOptions
from tests import toys
from tests.printed import rows_of
from tests.toy_data import NAMES, named_data, named_model

GRID: dict[str, Any] = {"attack": ["pgd", "difgsm"], "balance": ["dgba", "single:depth"], "steps": 2}
SPECS = attack_specs(GRID["attack"], GRID["balance"], [8 / 255], NAMES, steps=2)


def transfer(
    store: Store, surrogate: NamedModel, targets: Sequence[NamedModel], data: NamedData, **changed: Any
) -> DataFrame:
    """The study's frame, of models that are there already."""
    known = {model.name: model for model in (surrogate, *targets)}
    options = TransferOptions(surrogate=[surrogate.name], targets=[target.name for target in targets], **GRID | changed)
    study = Transfer()
    return study.run(
        store, lambda names: [known[name] for name in names], lambda *_: data, options, progress=False
    ).frame


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
    data, surrogate, other = named_data(), named_model(0), named_model(1)
    frame = transfer(Store(tmp_path), surrogate, [other], data, seed=5)
    assert frame[["surrogate", "target", "setting"]].drop_duplicates().to_numpy().tolist() == [
        ["toy 0", "toy 0", "white_box"],
        ["toy 0", "toy 1", "black_box"],
    ]
    for spec in SPECS:
        attack = spec.build(surrogate.model, data.tasks)
        for target in (surrogate, other):
            torch.manual_seed(5)
            # The attack sees its own model whatever model is evaluated.
            found = mta.evaluate(target.model, data.tasks, data.batches, {"": attack}, progress=False).relative[""]
            rows = frame.query("target == @target.name and attack == @spec.attack.lower() and rule == @spec.rule")
            assert rows[[*NAMES, "total"]].to_numpy().tolist() == [[*found.per_task.values(), found.total]]


def test_images_are_made_once_and_never_for_cells_that_are_there(tmp_path: Path) -> None:
    data, counted = named_data(), Counted()
    surrogate, store = NamedModel("toy", counted), Store(tmp_path)
    transfer(store, surrogate, [named_model(1), named_model(2)], data, attack=["pgd"], balance=["dgba"])
    assert counted.attacked == 2 * len(data.batches)  # two steps for each batch
    transfer(store, surrogate, [named_model(2), surrogate, named_model(1)], data, attack=["pgd"], balance=["dgba"])
    assert counted.attacked == 2 * len(data.batches)
    transfer(store, surrogate, [named_model(3)], data, attack=["pgd"], balance=["dgba"])
    assert counted.attacked == 4 * len(data.batches)
    attacks = store.to_frame()["attack"]
    assert ((attacks == "pgd").sum(), (attacks == "clean").sum()) == (4, 4)


def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    data, store = named_data(), Store(tmp_path)

    class Killed(toys.Toy):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            if len(list(tmp_path.glob("*.json"))) == 2 + 3:  # the clean images of both models, and three attacks
                raise KeyboardInterrupt
            return super().forward(x)

    with pytest.raises(KeyboardInterrupt):
        transfer(store, named_model(0), [NamedModel("toy 1", Killed(1))], data)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    frame = transfer(store, named_model(0), [named_model(1)], data)
    assert len(frame) == len(list(tmp_path.iterdir())) - 2 == 2 * len(SPECS)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert frame.equals(transfer(Store(tmp_path / "new"), named_model(0), [named_model(1)], data))


def test_transferability_is_that_of_an_attack_on_one_task(tmp_path: Path) -> None:
    frame = transfer(Store(tmp_path), named_model(0), [], named_data(), attack=["pgd"])
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
        transfer(Store(tmp_path), NamedModel("toy", surrogate), [NamedModel("other", model)], named_data())
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
    one = rows("a", {"a": 90.0, "b": 10.0, "c": 20.0}, "total") + rows("a", {"a": 80.0, "b": 30.0, "c": 20.0}, "dgba")
    other = rows("b", {"b": 70.0, "a": 40.0}, "total") + rows("b", {"b": 60.0, "a": 10.0}, "dgba")
    wide = by_target(DataFrame(one))
    assert list(wide.columns) == ["eps", "attack", "rule", "a (white box)", "b", "c", "mean black box"]
    assert wide.to_numpy().tolist() == [
        ["8", "pgd", "total", 90.0, 10.0, 20.0, 15.0],
        ["8", "pgd", "dgba", 80.0, 30.0, 20.0, 25.0],
    ]
    summary = transfer_summary(DataFrame(one + other))
    assert summary.to_dict("records") == [{"eps": "8", "attack": "pgd", "total": 70 / 3, "dgba": 20.0}]


def test_no_attack_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="attack: expected at least one attack"):
        transfer(Store(tmp_path), named_model(0), [], named_data(), attack=[])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["rooms3/all-shared", "rooms3/independent"]
    words = ["transfer", "--surrogate", ",".join(names), "--targets", *names, "--attack", "mifgsm"]
    words += ["--balance", "dgba", "--balance", "total", "--images", "2", "--steps", "1", "--output", str(tmp_path)]
    assert main(words) == 0
    lines = rows_of(capsys.readouterr().out)
    frame = pd.read_csv(tmp_path / "transfer.csv")
    assert frame.groupby("setting").size().to_dict() == {"black_box": 4, "white_box": 4}
    black = frame.query("surrogate == 'rooms3/all-shared' and setting == 'black_box' and rule == 'dgba'").iloc[0]
    assert "rooms3/all-shared (white box)" in " ".join(lines[0])
    row = next(row for row in lines if row[:3] == ["8", "mifgsm", "dgba"])
    assert float(row[4]) == pytest.approx(black["total"], abs=0.06)
    means = frame.query("setting == 'black_box'").groupby("rule")["total"].mean()
    assert lines[-2] == ["eps", "attack", "dgba", "total"]
    assert [float(word) for word in lines[-1][2:]] == pytest.approx([means["dgba"], means["total"]], abs=0.06)
