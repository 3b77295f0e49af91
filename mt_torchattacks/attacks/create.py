"""Any attack and any rule by name."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks
from mt_torchattacks.attacks.host.catalogue import HOSTED, OWN, REFUSED, attack_class, registered
from mt_torchattacks.balancing.names import parse_rule
from mt_torchattacks.names import hint, plain
from mt_torchattacks.plugins import load_plugins

if TYPE_CHECKING:
    from torch import nn

    from mt_torchattacks.attacks.host.attack import MultiTaskAttack
    from mt_torchattacks.balancing.base import Rule
    from mt_torchattacks.tasks.tasks import Tasks

_GIVEN = ("model", "tasks", "balance")


def attack_names() -> list[str]:
    """The names of all attacks, those of plugins too; found without loading PyTorch if no plugin does.

    Example:
        >>> attack_names()
        ['FGSM', 'BIM', 'RFGSM', 'PGD', ...]
    """
    load_plugins()
    return [*HOSTED, *OWN, *registered()]


def attack_name(text: str) -> str:
    """The name of the attack that a text stands for; upper and lower case, underscores and hyphens do not matter.

    Raises:
        ValueError: no such attack; the message suggests the nearest and lists those there are, or says why
            torchattacks' one cannot be meant for several tasks.

    Example:
        >>> attack_name("vmi_fgsm"), attack_name("AutoSAGA")
        ('VMIFGSM', 'AutoSAGA')
    """
    checks.require(isinstance(text, str), "attack", "the name of an attack", checks.describe(text), TypeError)
    known = {plain(name): name for name in (*HOSTED, *OWN)}
    if plain(text) not in known:
        known = {plain(name): name for name in attack_names()}
    refused = {plain(name): reason for name, reason in REFUSED.items() if plain(name) not in known}
    if plain(text) in refused:
        checks.fail("attack", "an attack on several tasks", f"{text!r}: {refused[plain(text)]}")
    if plain(text) not in known:
        checks.one_of(text, "attack", sorted(known.values()))
    return known[plain(text)]


def create(
    name: str, model: nn.Module, tasks: Tasks, balance: str | Rule = "dgba", **arguments: Any
) -> MultiTaskAttack:
    """The attack of that name on all tasks of a model, with a rule by name or with weights.

    Args:
        name: any attack's name; upper and lower case, underscores and hyphens do not matter (``"vmi_fgsm"``).
        model: model to attack; a forward pass gives all tasks' outputs.
        tasks: its tasks.
        balance: any rule's name, ``"single:<task>"``, one weight a task as ``"depth=0.8,normal=0.2"``, or a rule.
        arguments: the attack's own.

    Raises:
        ValueError: no such attack or rule; the message suggests the nearest and lists those there are, or says why
            torchattacks' attack cannot be meant for several tasks.
        TypeError: an argument that the attack does not have; the message suggests the nearest.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> mta.create("vmi_fgsm", model, tasks, balance="depth=1", eps=4 / 255).balance
        Weighted({'depth': 1.0})
    """
    cls: Any = attack_class(attack_name(name))
    _check_names(cls, arguments)
    attack: MultiTaskAttack = cls(
        model, tasks, balance=parse_rule(balance) if isinstance(balance, str) else balance, **arguments
    )
    return attack


def _check_names(cls: type, arguments: Collection[str]) -> None:
    """Check that an attack has arguments of these names."""
    takes: Mapping[str, inspect.Parameter] = inspect.signature(cls).parameters
    known = [name for name in takes if name not in _GIVEN]
    for name in arguments:
        expected = f"names among {checks.listed(known)}"
        checks.require(
            name in known, f"arguments of {cls.__name__}", expected, f"{name!r}{hint(name, known)}", TypeError
        )


ATTACKS = tuple(attack_names())
"""The names of all attacks."""
