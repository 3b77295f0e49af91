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
    NamedData,
    NamedModel,
    Store,
    attack_specs,
    evaluate_cells,
    with_errors,
)
from mt_torchattacks.evaluation.specs import weighted_rule
from tests import toys
from tests.unit.evaluation.toy_scenes import NAMES, scenes, subject, tasks

PLANS = attack_specs(["pgd", "mi_fgsm"], ["dgba", "single"], [8], NAMES, steps=2)


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
    data, model = scenes(), subject()
    found = evaluate_cells(Store(tmp_path), model, data, PLANS, seed=3, progress=False)
    for plan in PLANS:
        torch.manual_seed(3)
        attack = plan.build(model.model, data.tasks)
        wanted = mta.evaluate(model.model, data.tasks, data.batches, {plan.name: attack}, progress=False)
        assert found.attacked[plan.name].metrics == wanted.attacked[plan.name].metrics
        assert found.relative[plan.name] == wanted.relative[plan.name]
        assert (found.clean, found.directions) == (wanted.clean, wanted.directions)
    frame = Store(tmp_path).frame().set_index(["attack", "rule"])
    assert frame.loc[("pgd", "dgba"), "arp/total"] == found.relative["pgd/dgba/8"].total


@pytest.mark.parametrize("name", ["pgd", "apgd"])
def test_the_seed_reaches_the_attack(tmp_path: Path, name: str) -> None:
    arps = [
        evaluate_cells(Store(tmp_path), subject(), scenes(2), [AttackSpec(name, steps=1)], seed=seed, progress=False)
        for seed in (0, 1)
    ]
    assert not arps[0].arp().equals(arps[1].arp())


def test_a_run_that_was_killed_computes_the_missing_cells_only(tmp_path: Path) -> None:
    data, store, plans = scenes(count=2), Store(tmp_path), PLANS[:4]  # PGD's
    # A cell takes five forward passes: clean images, clean losses, two steps, adversarial images.
    with pytest.raises(KeyboardInterrupt):
        evaluate_cells(store, NamedModel("toy", Killed(12)), data, plans, progress=False)
    assert len(store.frame()) == 2
    again = Killed(30)
    whole = evaluate_cells(store, NamedModel("toy", again), data, plans, progress=False)
    assert again.left == 30 - 5 * (len(plans) - 2)
    assert whole.arp().equals(evaluate_cells(store, NamedModel("toy", Killed(0)), data, plans, progress=False).arp())
    assert list(whole.attacked) == [plan.name for plan in plans]


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": subject(1)},
        {"scenes": scenes(seed := 4)},
        {"scenes": scenes(6, size=3)},
        {"plans": [AttackSpec("pgd", steps=3)]},
        {"plans": [AttackSpec("pgd", eps=4, steps=2)]},
        {"plans": [AttackSpec("pgd", "total", steps=2)]},
        {"plans": [AttackSpec("apgd", steps=2)]},
        {"plans": [AttackSpec("pgd", steps=2, climb="errors")]},
        {"seed": 1},
    ],
    ids=["model", "scenes", "batches", "steps", "eps", "rule", "attack", "climb", "seed"],
)
def test_whatever_determines_a_result_makes_another_cell(tmp_path: Path, changed: dict[str, Any]) -> None:
    plain: dict[str, Any] = {
        "subject": NamedModel("toy 1", subject(0).model),
        "scenes": scenes(),
        "plans": [AttackSpec("pgd", steps=2)],
        "seed": 0,
    }
    for settings in (plain, plain | changed):
        evaluate_cells(Store(tmp_path), **settings, progress=False)
    assert len(list(tmp_path.iterdir())) == 2


def test_an_attack_that_does_not_fit_is_refused_before_any_runs(tmp_path: Path) -> None:
    plans = [AttackSpec("pgd", steps=2), AttackSpec("pgd", "single:face")]
    with pytest.raises(ValueError, match="face"):
        evaluate_cells(Store(tmp_path), subject(), scenes(), plans, progress=False)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="plans: expected at least one attack"):
        evaluate_cells(Store(tmp_path), subject(), scenes(), [], progress=False)


@pytest.mark.parametrize("name", ["VMIFGSM", "vmi_fgsm", "vmi-fgsm", "VMI_FGSM"])
def test_attacks_are_found_without_case_and_underscores(name: str) -> None:
    plan = AttackSpec(name)
    assert plan == AttackSpec("VMIFGSM")
    assert type(plan.build(toys.Toy(), tasks())).__name__ == "VMIFGSM"


def test_arguments_follow_the_attack() -> None:
    assert AttackSpec("pgd", eps=4, steps=20).arguments() == {"eps": 4 / 255, "steps": 20, "alpha": 1 / 255}
    assert AttackSpec("apgd").arguments() == {"eps": 8 / 255, "steps": 10}
    assert AttackSpec("ffgsm").arguments() == {"eps": 8 / 255}
    assert AttackSpec("pifgsm", steps=3).arguments() == {"max_epsilon": 8 / 255, "num_iter_set": 3}
    assert AttackSpec("square", queries=7).arguments() == {"eps": 8 / 255, "n_queries": 7}


@pytest.mark.parametrize("name", mta.attacks.ATTACKS)
def test_every_attack_can_be_planned(name: str) -> None:
    plan = AttackSpec(name, steps=2, queries=5)
    attack = plan.build(toys.Toy(), tasks())
    assert getattr(attack, "eps", getattr(attack, "max_epsilon", None)) == pytest.approx(8 / 255)


def test_rules() -> None:
    weighted = AttackSpec("pgd", weighted_rule({"segmentation": 0.1, "normal": 0.2, "depth": 0.7}))
    rule = weighted.build(toys.Toy(), tasks()).balance
    assert rule.by_task == {"segmentation": 0.1, "normal": 0.2, "depth": 0.7}
    plans = attack_specs(["pgd", "PGD"], ["single", "dgba", "single:depth"], [8], NAMES)
    assert [plan.rule for plan in plans] == ["single:segmentation", "single:normal", "single:depth", "dgba"]
    with pytest.raises(ValueError, match="balance: expected a rule or task=weight"):
        AttackSpec("pgd", "depth=much").build(toys.Toy(), tasks())


@pytest.mark.parametrize(("name", "message"), [("cw", "margin between the logits"), ("pdg", "one of 'APGD'")])
def test_an_unknown_attack_says_what_there_is(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"attack: expected .*{message}"):
        AttackSpec(name)


def test_a_plan_that_climbs_errors_raises_them_and_is_measured_as_any_other(tmp_path: Path) -> None:
    data, model = scenes(), subject()
    plans = attack_specs(["apgd"], ["dgba"], [8], NAMES, ["losses", "errors"], steps=5)
    assert [plan.name for plan in plans] == ["apgd/dgba/8", "apgd/dgba on errors/8"]
    found = evaluate_cells(Store(tmp_path), model, data, plans, progress=False)
    by_hand = mta.APGD(model.model, mta.error_tasks(NAMES), "dgba", eps=8 / 255, steps=5)
    wanted = mta.evaluate(model.model, data.tasks, data.batches, {"": by_hand}, progress=False)
    assert found.attacked["apgd/dgba on errors/8"].losses == wanted.attacked[""].losses
    assert found.attacked["apgd/dgba/8"].losses != wanted.attacked[""].losses
    rules = Store(tmp_path).frame().set_index("climb")["rule"]
    assert rules["errors"] == "dgba"


def test_errors_keep_the_roles_of_the_tasks() -> None:
    given = mta.Tasks(
        depth=mta.Task(mta.losses.L1(valid=mta.losses.positive), role="preserve", budget=0.1, floor=0.5),
        normal=mta.Task(mta.losses.CosineDistance(valid=mta.losses.nonzero), role="ignore"),
    )
    climbed = with_errors(given)
    assert repr(climbed) == "Tasks(depth=RelativeError(valid=positive) (preserve within 0.1), " + (
        "normal=Angle(valid=nonzero) (ignore))"
    )
    assert climbed["depth"].floor is None  # the given one is in metres
    with pytest.raises(ValueError, match="names: expected one of .* found 'face'"):
        with_errors(mta.Tasks(face=mta.losses.CrossEntropy()))
    with pytest.raises(ValueError, match="climb: expected one of 'losses', 'errors', found 'walls'"):
        AttackSpec("pgd", climb="walls")


def test_scenes_of_a_data_set() -> None:
    rooms = mta.data.Rooms(length=5, size=16, seed=1)
    data = NamedData.of("rooms", rooms, 3, batch_size=2)
    assert [len(images) for images, _ in data.batches] == [2, 1]
    assert torch.equal(data.batches[1][0][0], rooms[2][0])
    assert [len(images) for images, _ in data.first(1).batches] == [1]
    assert torch.equal(data.first(3).batches[1][0], data.batches[1][0])
    assert data.first(3).key == data.key
    with pytest.raises(ValueError, match="scenes: expected at most the 5 that there are, found 6"):
        NamedData.of("rooms", rooms, 6)
