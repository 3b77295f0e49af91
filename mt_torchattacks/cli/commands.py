"""All commands: one for each study, then the others."""

from __future__ import annotations

from functools import cache

from mt_torchattacks.cli import completion, data, layouts, listing, recipes, report, status, train
from mt_torchattacks.cli.command import ADDED, Command
from mt_torchattacks.cli.study import command_of
from mt_torchattacks.studies import all_studies


@cache
def commands() -> dict[str, Command]:
    """Every command by its name."""
    studies = [command_of(study) for study in all_studies().values()]
    others = [
        *train.COMMANDS,
        *recipes.COMMANDS,
        *report.COMMANDS,
        *status.COMMANDS,
        *listing.COMMANDS,
        *layouts.COMMANDS,
        *data.COMMANDS,
    ]
    others.append(completion.command_of(commands))
    return {command.name: command for command in (*studies, *others, *ADDED.values())}
