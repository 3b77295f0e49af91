"""Attacks, rules and sizes as the commands that run a grid of them take them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from mt_torchattacks.evaluation import AttackSpec, attack_specs
from mt_torchattacks.evaluation.specs import ATTACK_LOSSES


def add_seed(command: argparse.ArgumentParser) -> None:
    """Declare the option of attacks with random numbers."""
    command.add_argument("--seed", type=int, default=0, help="of the attacks' random numbers (default: 0)")


def add_attack(command: argparse.ArgumentParser) -> None:
    """Declare the options that all attacks have."""
    command.add_argument("--steps", type=int, default=10, help="of attacks that have steps (default: 10)")
    command.add_argument("--queries", type=int, help="of attacks that have queries (default: the attack's own)")
    add_seed(command)


def add_grid(command: argparse.ArgumentParser, *, attacks: str, rules: str) -> None:
    """Declare the options of a grid of attacks.

    Args:
        command: the command.
        attacks, rules: in words what the command takes where nothing is asked for.
    """
    command.add_argument(
        "--attack", action="append", help=f"an attack's name, as auto_saga; repeatable (default: {attacks})"
    )
    balance = "a rule, 'single' for each task alone, or weights as depth=0.8,normal=0.2; repeatable"
    command.add_argument("--balance", action="append", help=f"{balance} (default: {rules})")
    command.add_argument("--eps", type=float, action="append", help="radius in 1/255; repeatable (default: 8)")
    climb = "what attacks raise: the tasks' losses, or the errors that metrics count; repeatable (default: losses)"
    command.add_argument("--climb", action="append", choices=ATTACK_LOSSES, help=climb)
    add_attack(command)


def load_specs(
    options: argparse.Namespace, tasks: Iterable[str], attacks: Sequence[str], rules: Sequence[str]
) -> list[AttackSpec]:
    """The attacks that the options of :func:`add_grid` ask for.

    Args:
        options: the command line's.
        tasks: the model's tasks.
        attacks, rules: what to take where nothing is asked for.
    """
    return attack_specs(
        options.attack or attacks,
        options.balance or rules,
        options.eps or [8.0],
        tasks,
        options.climb or ["losses"],
        steps=options.steps,
        queries=options.queries,
    )
