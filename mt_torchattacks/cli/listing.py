"""``mt-attack list``: what there is, by name; nothing heavy is loaded for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mt_torchattacks.cli.command import Command
from mt_torchattacks.studies import all_studies


@dataclass
class ListOptions:
    """What to list.

    Args:
        what: models, attacks, rules, data or studies
    """

    what: Literal["models", "attacks", "rules", "data", "studies"]


def show(options: ListOptions) -> None:
    """Print the names, one a line."""
    if options.what == "studies":
        for name, study in all_studies().items():
            print(f"{name:20} {study.help}")
        return
    raise NotImplementedError


COMMANDS = (Command("list", "the names of models, attacks, rules, data or studies", "attacks", ListOptions, show),)
