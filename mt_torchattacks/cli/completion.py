"""``mt-attack completion``: what completes the command's words in a shell, made by shtab."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Literal, get_args, get_origin

import mt_torchattacks as mta
from mt_torchattacks.attacks.create import attack_names
from mt_torchattacks.cli.command import Command, is_list
from mt_torchattacks.cli.words import dashed


@dataclass
class CompletionOptions:
    """For which shell.

    Args:
        shell: bash, zsh or tcsh
    """

    shell: Literal["bash", "zsh", "tcsh"]


def show(commands: Callable[[], dict[str, Command]], options: CompletionOptions) -> None:
    """Print a script; a shell that has read it completes commands, options and names."""
    shtab = mta.checks.optional("shtab", extra="completion")
    print(shtab.complete(as_parser(commands()), options.shell))


def as_parser(known: dict[str, Command]) -> argparse.ArgumentParser:
    """All commands as one parser, of which shtab reads the words."""
    parser = argparse.ArgumentParser(prog="mt-attack")
    parser.add_argument("--version", action="store_true", help="the version")
    level = parser.add_subparsers()
    groups: dict[str, Any] = {}
    for name, command in known.items():
        group, _, last = name.rpartition(" ")
        if group and group not in groups:
            groups[group] = level.add_parser(group, help=f"{group} ...").add_subparsers()
        _add_options((groups[group] if group else level).add_parser(last, help=command.help), command)
    return parser


def _add_options(parser: argparse.ArgumentParser, command: Command) -> None:
    for option in fields(command.options):
        hint = command.hints[option.name]
        more: dict[str, Any] = {"choices": _choices(option.name, hint)} if hint is not bool else {}
        if hint is bool:
            more["action"] = "store_true"
        elif is_list(hint):
            more["nargs"] = "*"
        parser.add_argument(option.name if option.name in command.words else f"--{dashed(option.name)}", **more)


def _choices(name: str, hint: Any) -> list[str] | None:
    """The names that an option's value is one of, where there are such."""
    kind = get_args(hint)[0] if is_list(hint) else hint
    if get_origin(kind) is Literal:
        return [str(value) for value in get_args(kind)]
    names = {"attack": attack_names, "balance": mta.balancing.rule_names}
    names |= {"model": mta.models.zoo_names, "data": mta.data.dataset_names}
    return sorted(names[name]()) if name in names and kind is str else None


def command_of(commands: Callable[[], dict[str, Command]]) -> Command:
    """The command that completes all of these, itself among them."""
    text = "print what completes this command's words in a shell"
    return Command("completion", text, "bash", CompletionOptions, partial(show, commands))
