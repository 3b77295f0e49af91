"""Evaluations as cells: the numbers of ``mta.evaluate``, each computed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation import (
    AttackSpec,
    NamedModel,
    Store,
    attack_specs,
    evaluate_cells,
)
from tests import toys
from tests.toy_data import NAMES, named_data, named_model

SPECS = attack_specs(["pgd", "mi_fgsm"], ["dgba", "single"], [8 / 255], NAMES, steps=2)


class Killed(nn.Module):
    """A model that stops working at a given call."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.model, self.left = toys.Toy(), calls

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        outputs: dict[str, torch.Tensor] = self.model(x)
        return outputs


def test_the_numbers_are_those_of_evaluate(tmp_path: Path) -> None:
    data, model = named_data(), named_model()
    found = evaluate_cells(Store(tmp_path), model, data, SPECS, seed=3, progress=False)
    for spec in SPECS:
        torch.manual_seed(3)
        attack = spec.build(model.model, data.tasks)
        wanted = mta.evaluate(model.model, data.tasks, data.batches, {spec.name: attack}, progress=False)
        assert found.attacked[spec.name].metrics == wanted.attacked[spec.name].metrics
        assert found.relative[spec.name] == wanted.relative[spec.name]
        assert (found.clean, found.directions) == (wanted.clean, wanted.directions)
    frame = Store(tmp_path).to_frame().set_index(["attack", "rule"])
    assert frame.loc[("pgd", "dgba"), "arp/total"] == found.relative["pgd/dgba/8"].total


@pytest.mark.parametrize("name", ["pgd", "apgd"])
def test_the_seed_reaches_the_attack(tmp_path: Path, name: str) -> None:
    arps = [
        evaluate_cells(
            Store(tmp_path), named_model(), named_data(2), [AttackSpec(name, steps=1)], seed=seed, progress=False
        )
        for seed in (0, 1)
    ]
    assert not arps[0].arp().equals(arps[1].arp())


def test_a_run_that_was_killed_computes_the_missing_cells_only(tmp_path: Path) -> None:
    data, store, specs = named_data(count=2), Store(tmp_path), SPECS[:4]  # PGD's
    # One forward pass for the clean images; a cell takes four: clean losses, two steps, adversarial images.
    with pytest.raises(KeyboardInterrupt):
        evaluate_cells(store, NamedModel("toy", Killed(12)), data, specs, progress=False)
    assert len(store.to_frame()) == 1 + 2
    again = Killed(30)
    whole = evaluate_cells(store, NamedModel("toy", again), data, specs, progress=False)
    assert again.left == 30 - 4 * (len(specs) - 2)
    assert whole.arp().equals(evaluate_cells(store, NamedModel("toy", Killed(0)), data, specs, progress=False).arp())
    assert list(whole.attacked) == [spec.name for spec in specs]


@pytest.mark.parametrize(
    ("changed", "clean"),
    [
        ({"model": named_model(1)}, 2),
        ({"data": named_data(4)}, 2),
        ({"data": named_data(6, size=3)}, 2),
        ({"specs": [AttackSpec("pgd", steps=3)]}, 1),
        ({"specs": [AttackSpec("pgd", eps=4 / 255, steps=2)]}, 1),
        ({"specs": [AttackSpec("pgd", "total", steps=2)]}, 1),
        ({"specs": [AttackSpec("apgd", steps=2)]}, 1),
        ({"specs": [AttackSpec("pgd", steps=2, attack_loss="errors")]}, 1),
        ({"seed": 1}, 1),
    ],
    ids=["model", "data", "batches", "steps", "eps", "rule", "attack", "attack_loss", "seed"],
)
def test_whatever_determines_a_result_makes_another_cell(tmp_path: Path, changed: dict[str, Any], clean: int) -> None:
    """Of the clean images there is one cell for each model and data, whatever the attacks are."""
    plain: dict[str, Any] = {
        "model": NamedModel("toy 1", named_model(0).model),
        "data": named_data(),
        "specs": [AttackSpec("pgd", steps=2)],
        "seed": 0,
    }
    for settings in (plain, plain | changed):
        evaluate_cells(Store(tmp_path), **settings, progress=False)
    of_clean = Store(tmp_path).to_frame()["attack"] == "clean"
    assert (int(of_clean.sum()), int((~of_clean).sum())) == (clean, 2)


def test_an_attack_that_does_not_fit_is_refused_before_any_runs(tmp_path: Path) -> None:
    specs = [AttackSpec("pgd", steps=2), AttackSpec("pgd", "single:face")]
    with pytest.raises(ValueError, match="face"):
        evaluate_cells(Store(tmp_path), named_model(), named_data(), specs, progress=False)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="specs: expected at least one attack"):
        evaluate_cells(Store(tmp_path), named_model(), named_data(), [], progress=False)


def test_an_attack_on_errors_raises_them_and_is_measured_as_any_other(tmp_path: Path) -> None:
    data, model = named_data(), named_model()
    specs = attack_specs(["apgd"], ["dgba"], [8 / 255], NAMES, ["losses", "errors"], steps=5)
    assert [spec.name for spec in specs] == ["apgd/dgba/8", "apgd/dgba on errors/8"]
    found = evaluate_cells(Store(tmp_path), model, data, specs, progress=False)
    by_hand = mta.APGD(model.model, mta.error_tasks(NAMES), "dgba", eps=8 / 255, steps=5)
    wanted = mta.evaluate(model.model, data.tasks, data.batches, {"": by_hand}, progress=False)
    assert found.attacked["apgd/dgba on errors/8"].losses == wanted.attacked[""].losses
    assert found.attacked["apgd/dgba/8"].losses != wanted.attacked[""].losses
    rules = Store(tmp_path).to_frame().set_index("attack_loss")["rule"]
    assert rules["errors"] == "dgba"
