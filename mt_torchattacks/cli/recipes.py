"""``mt-attack run``: a study with the options of a file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import mt_torchattacks as mta
from mt_torchattacks.cli.command import Command
from mt_torchattacks.cli.study import SharedOptions, command_of
from mt_torchattacks.studies import all_studies


@dataclass
class Recipe:
    """Which recipe.

    Args:
        recipe: a YAML file with the entries study (its name) and options (as on the command line, with _ for -)
    """

    recipe: Path


@dataclass
class RunOptions(SharedOptions, Recipe):
    """Which recipe, and what all studies share."""


def run(options: RunOptions) -> int | None:
    """Run the study that a recipe names, with its options."""
    from mt_torchattacks.cli.parse import parse_mapping

    found = load_recipe(options.recipe)
    command = command_of(all_studies()[found["study"]])
    shared = {one.name: getattr(options, one.name) for one in fields(SharedOptions)}
    shared["output"] = str(options.output or Path("results", options.recipe.stem))
    return command.run(parse_mapping(command, found.get("options", {}) | shared, str(options.recipe)))


def load_recipe(path: Path) -> dict[str, Any]:
    """The contents of a recipe's file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no recipe; the message says what is wrong.
    """
    import yaml

    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        mta.checks.fail(str(path), "YAML", f"{' '.join(str(error).split())}")
    mta.checks.keys(found, str(path), ("study",), allowed=("study", "options", "about"))
    mta.checks.one_of(found["study"], f"study in {path}", all_studies())
    return dict(found)


COMMANDS = (
    Command("run", "run a study with the options of a YAML file", "recipe.yaml --output results/mine", RunOptions, run),
)
