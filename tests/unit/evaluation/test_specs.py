"""Attacks as a grid names them: found by name, with the arguments that they have."""

from __future__ import annotations

import pytest

import mt_torchattacks as mta
from mt_torchattacks.evaluation import AttackSpec, attack_specs, weighted_rule, with_errors
from tests import toys
from tests.toy_data import NAMES, tasks


@pytest.mark.parametrize("name", ["VMIFGSM", "vmi_fgsm", "vmi-fgsm", "VMI_FGSM"])
def test_attacks_are_found_without_case_and_underscores(name: str) -> None:
    spec = AttackSpec(name)
    assert spec == AttackSpec("VMIFGSM")
    assert type(spec.build(toys.Toy(), tasks())).__name__ == "VMIFGSM"


def test_arguments_follow_the_attack() -> None:
    assert AttackSpec("pgd", eps=4 / 255, steps=20).arguments() == {"eps": 4 / 255, "steps": 20, "alpha": 1 / 255}
    assert AttackSpec("apgd").arguments() == {"eps": 8 / 255, "steps": 10}
    assert AttackSpec("ffgsm").arguments() == {"eps": 8 / 255}
    assert AttackSpec("pifgsm", steps=3).arguments() == {"max_epsilon": 8 / 255, "num_iter_set": 3}
    assert AttackSpec("square", queries=7).arguments() == {"eps": 8 / 255, "n_queries": 7}


@pytest.mark.parametrize("name", mta.attacks.ATTACKS)
def test_every_attack_can_be_built(name: str) -> None:
    spec = AttackSpec(name, steps=2, queries=5)
    attack = spec.build(toys.Toy(), tasks())
    assert getattr(attack, "eps", getattr(attack, "max_epsilon", None)) == pytest.approx(8 / 255)


def test_rules() -> None:
    weighted = AttackSpec("pgd", weighted_rule({"segmentation": 0.1, "normal": 0.2, "depth": 0.7}))
    rule = weighted.build(toys.Toy(), tasks()).balance
    assert rule.by_task == {"segmentation": 0.1, "normal": 0.2, "depth": 0.7}
    specs = attack_specs(["pgd", "PGD"], ["single", "dgba", "single:depth"], [8 / 255], NAMES)
    assert [spec.rule for spec in specs] == ["single:segmentation", "single:normal", "single:depth", "dgba"]
    with pytest.raises(ValueError, match="balance: expected a rule or task=weight"):
        AttackSpec("pgd", "depth=much").build(toys.Toy(), tasks())


@pytest.mark.parametrize(("name", "message"), [("cw", "margin between the logits"), ("pdg", "one of 'ACG'")])
def test_an_unknown_attack_says_what_there_is(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"attack: expected .*{message}"):
        AttackSpec(name)


def test_errors_keep_the_roles_of_the_tasks() -> None:
    given = mta.Tasks(
        depth=mta.Task(mta.losses.L1(valid=mta.losses.positive), role="preserve", budget=0.1, floor=0.5),
        normal=mta.Task(mta.losses.CosineDistance(valid=mta.losses.nonzero), role="ignore"),
    )
    raised = with_errors(given)
    assert repr(raised) == "Tasks(depth=RelativeError(valid=positive) (preserve within 0.1), " + (
        "normal=Angle(valid=nonzero) (ignore))"
    )
    assert raised["depth"].floor is None  # the given one is in metres
    with pytest.raises(ValueError, match="names: expected one of .* found 'face'"):
        with_errors(mta.Tasks(face=mta.losses.CrossEntropy()))
    with pytest.raises(ValueError, match="attack_loss: expected one of 'losses', 'errors', found 'walls'"):
        AttackSpec("pgd", attack_loss="walls")
