"""``mt-attack list``: what there is, by name; nothing heavy is loaded for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from mt_torchattacks.cli.command import Command
from mt_torchattacks.studies import all_studies


@dataclass
class ListOptions:
    """What to list.

    Args:
        what: models, attacks, rules, data or studies
        json: print the names as JSON
    """

    what: Literal["models", "attacks", "rules", "data", "studies"]
    json: bool = False


def show(options: ListOptions) -> None:
    """Print the names and what they are, one a line."""
    found = _LISTS[options.what]()
    if options.json:
        print(json.dumps(found, indent=2))
        return
    width = max(map(len, found))
    for name, about in found.items():
        print(f"{name:{width}}  {about}".rstrip())


def _studies() -> dict[str, str]:
    return {name: study.help for name, study in all_studies().items()}


_LISTS = {"studies": _studies}

COMMANDS = (Command("list", "the names of models, attacks, rules, data or studies", "attacks", ListOptions, show),)
