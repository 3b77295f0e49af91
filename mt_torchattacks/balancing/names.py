"""The rules by name: which there are, and the one that a text stands for."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mt_torchattacks import checks
from mt_torchattacks.declared import declared
from mt_torchattacks.plugins import load_plugins

if TYPE_CHECKING:
    from mt_torchattacks.balancing.base import Rule

_FOLDER = Path(__file__).parent


def rule_names() -> list[str]:
    """The names of all rules, those of plugins too; found without loading PyTorch if no plugin does.

    Example:
        >>> rule_names()
        ['aligned_mtl', 'cagrad', 'capped', 'config', 'dgba', ...]
    """
    load_plugins()
    base = sys.modules.get("mt_torchattacks.balancing.base")  # not loaded: nobody has declared a rule
    return sorted({*_own(), *(base.Rule.registry if base else ())})


def resolve(balance: str | Rule) -> Rule:
    """The rule that a text, or a rule itself, stands for.

    Args:
        balance: ``"dgba"``, ``"relative"``, ``"total"``, ``"wgd"``, ``"sign_total"``, ``"single:<task>"``, the name of
            any other rule, one weight a task for :class:`~mt_torchattacks.Weighted` as ``"depth=0.8,normal=0.2"``, or a
            rule.

    Raises:
        TypeError: neither a text nor a rule.
        ValueError: an unknown name; the message suggests the nearest and lists those there are. Or weights that are
            none.

    Example:
        >>> import torch
        >>> resolve("total").weights(torch.rand(2, 3), torch.rand(2, 3)).shape
        torch.Size([2, 3])
        >>> resolve("depth=0.8,normal=0.2")
        Weighted({'depth': 0.8, 'normal': 0.2})
    """
    from mt_torchattacks.balancing.base import Rule

    parsed = parse_rule(balance) if isinstance(balance, str) else balance
    if isinstance(parsed, Rule):
        return parsed
    if not isinstance(parsed, str):
        checks.fail("balance", "a name or a Rule", repr(balance), TypeError)
    name, _, argument = parsed.partition(":")
    rule = _rule(name)
    takes_task = any(argument.default is argument.empty for argument in inspect.signature(rule).parameters.values())
    if takes_task != bool(argument):
        checks.fail("balance", f"'{name}:<task>'" if takes_task else f"{name!r}", repr(balance))
    return rule(*[argument] if argument else [])


def parse_rule(text: str) -> str | Rule:
    """The balancing rule that a text stands for: a name as it is, weights as WeightedTotal.

    Raises:
        ValueError: weights that are none.

    Example:
        >>> parse_rule("dgba"), parse_rule("normal=0.2,depth=0.8")
        ('dgba', Weighted({'normal': 0.2, 'depth': 0.8}))
    """
    if "=" not in text:
        return text
    from mt_torchattacks.balancing.rules import Weighted

    try:
        return Weighted({task: float(weight) for task, weight in (part.split("=") for part in text.split(","))})
    except ValueError as error:
        raise ValueError(f"balance: expected a rule or task=weight,task=weight, found {text!r} ({error})") from error


def _own() -> dict[str, str]:
    """The module of each rule that this package declares, by the rule's name."""
    return {one.name: one.module for one in declared(_FOLDER).values() if one.name}


def _rule(name: str) -> type[Rule]:
    """The class of a rule's name; its module, and plugins, are imported if need be."""
    from mt_torchattacks.balancing.base import Rule

    own = _own()
    if name not in Rule.registry and name in own:
        importlib.import_module(f"mt_torchattacks.balancing.{own[name]}")
    if name not in Rule.registry:
        load_plugins()
    if name not in Rule.registry:
        checks.one_of(name, "balance", rule_names())
    return Rule.registry[name]
