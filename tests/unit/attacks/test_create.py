"""Any attack and any rule by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.attacks import ATTACKS, attack_name
from mt_torchattacks.balancing import rule_names
from tests import toys

FEW: dict[str, Any] = {"eps": 8 / 255, "steps": 2}


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_made_by_name(name: str) -> None:
    attack = mta.create(name.lower(), toys.Toy(), toys.tasks())
    assert type(attack) is mta.attacks.attack_class(name)


@pytest.mark.parametrize("name", [name for name in rule_names() if name != "single"])
def test_every_rule_is_made_by_name(name: str) -> None:
    assert mta.create("fgsm", toys.Toy(), toys.tasks(), balance=name).balance == name


@pytest.mark.parametrize("text", ["vmi_fgsm", "VMI-FGSM", "vmifgsm", "VMIFGSM"])
def test_upper_case_and_underscores_do_not_matter(text: str) -> None:
    assert attack_name(text) == "VMIFGSM"


def test_it_is_the_class_with_the_same_arguments() -> None:
    model, (images, targets) = toys.Toy(), toys.batch()
    weights = dict.fromkeys(toys.NAMES, 0.25)
    text = ",".join(f"{name}={weight}" for name, weight in weights.items())
    made = mta.create("apgd", model, toys.tasks(), balance=text, **FEW)
    written = mta.APGD(model, toys.tasks(), balance=mta.Weighted(weights), **FEW)
    assert torch.equal(made(images, targets), written(images, targets))
    single = mta.create("PGD", model, toys.tasks(), balance=f"single:{toys.NAMES[0]}", random_start=False, **FEW)
    other = mta.PGD(model, toys.tasks(), balance="total", random_start=False, **FEW)
    assert not torch.equal(single(images, targets), other(images, targets))


def test_weights_as_text_are_a_rule_wherever_a_rule_is_named() -> None:
    assert mta.balancing.resolve("depth=0.8,normal=0.2").by_task == {"depth": 0.8, "normal": 0.2}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vmi_fsgm", r"attack: expected one of 'ACG', .*'WorstCase', found 'vmi_fsgm' \(did you mean 'VMIFGSM'\?\)"),
        ("xyzzy", r"attack: expected one of 'ACG', .*found 'xyzzy'\.$"),
        ("cw", "attack: expected an attack on several tasks, found 'cw': its loss is a margin"),
        ("deep_fool", "found 'deep_fool': it stops at"),
    ],
)
def test_an_unknown_attack(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mta.create(name, toys.Toy(), toys.tasks())


@pytest.mark.parametrize(
    ("balance", "message"),
    [
        ("dbga", r"balance: expected one of 'aligned_mtl', .*'wgd', found 'dbga' \(did you mean 'dgba'\?\)"),
        ("depth=much", "balance: expected a rule or task=weight,task=weight, found 'depth=much'"),
        ("depth=1", "missing among 'depth'"),
    ],
)
def test_an_unknown_rule(balance: str, message: str) -> None:
    with pytest.raises((ValueError, KeyError), match=message):
        mta.create("pgd", toys.Toy(), toys.tasks(), balance=balance)


def test_an_unknown_argument_suggests_the_nearest() -> None:
    message = r"arguments of APGD: expected names among 'norm', 'eps', .*found 'stepz' \(did you mean 'steps'\?\)"
    with pytest.raises(TypeError, match=message):
        mta.create("apgd", toys.Toy(), toys.tasks(), eps=0.1, stepz=3)


def test_a_name_that_is_none() -> None:
    with pytest.raises(TypeError, match="attack: expected the name of an attack, found int"):
        mta.create(3, toys.Toy(), toys.tasks())  # type: ignore[arg-type]
