"""The attacks' arguments are ART's, in code, in documents and for type checkers."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from art.attacks import evasion
from art.attacks.attack import EvasionAttack

from tests.hosts.art import cases, stub


@pytest.mark.parametrize("name", cases.ALL)
def test_arts_parameters(name: str) -> None:
    host, attack = getattr(evasion, name), cases.attack(name, cases.estimator())
    assert isinstance(attack, EvasionAttack)
    assert {*host.attack_params, "balance"} <= set(attack.attack_params)
    attack.set_params(eps=0.01, eps_step=0.002, targeted=True)
    assert (attack.eps, attack.eps_step, attack.targeted) == (0.01, 0.002, True)
    with pytest.raises(ValueError, match='"epsilon" cannot be set'):
        attack.set_params(epsilon=0.1)
    wrong: list[dict[str, Any]] = [
        {"norm": 0.5},
        {"eps": -1.0},
        {"eps_step": 0.0},
        {"batch_size": 0},
        {"targeted": "no"},
    ]
    wrong += [] if name == "FastGradientMethod" else [{"max_iter": -1}, {"verbose": "no"}]
    for arguments in wrong:
        with pytest.raises(ValueError):  # noqa: PT011 - ART's own messages
            cases.attack(name, cases.estimator(), **arguments)
        with pytest.raises(ValueError):  # noqa: PT011
            cases.attack(name, cases.estimator()).set_params(**arguments)


def test_the_parameters_are_arts_in_arts_order() -> None:
    for name, (kind, _) in cases.ATTACKS.items():
        theirs, ours = (inspect.signature(cls).parameters for cls in (getattr(evasion, name), kind))
        assert list(ours)[: len(theirs)] == list(theirs)
        assert list(ours)[-1] == "balance"
        assert all(ours[parameter].default == theirs[parameter].default for parameter in theirs)
        assert list(inspect.signature(kind.__init__).parameters) == ["self", *ours]
        documented = re.findall(r"^:param (\w+): \S", kind.__init__.__doc__ or "", re.MULTILINE)
        assert documented == list(ours)


@pytest.mark.parametrize("name", cases.ALL)
def test_arguments_by_position_are_those_by_name(name: str) -> None:
    kind, estimator = cases.ATTACKS[name][0], cases.estimator()
    names = list(inspect.signature(kind).parameters)[1:]
    given = {"norm": 2, "eps": 0.5, "eps_step": 0.2, "targeted": True, "batch_size": 7, "balance": "total"}
    plain = kind(estimator)
    values = {name: given.get(name, getattr(plain, name) or False) for name in names if name != "loss_type"}
    attack = kind(estimator, *({**values, "loss_type": None}[name] for name in names))
    assert {name: getattr(attack, name) or False for name in values} == values
    with pytest.raises(TypeError, match="estimator"):
        kind()
    with pytest.raises(TypeError, match="epsilon"):
        kind(estimator, epsilon=0.1)


def test_the_declarations_for_type_checkers_are_current() -> None:
    assert stub.FILE.read_text("utf-8") == stub.stub(), "run: python -m tests.hosts.art.stub"
