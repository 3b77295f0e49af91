"""``mt-attack run``: recipes, by name or from files."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import mt_torchattacks as mta
from mt_torchattacks.cli.command import Command
from mt_torchattacks.cli.study import SharedOptions, command_of, run_study
from mt_torchattacks.studies import all_studies


@dataclass
class Recipe:
    """Which recipe.

    Args:
        recipe: a name of `mt-attack list recipes`, a pattern as 'rooms/*', or a YAML file with the entries study (its
            name) and options (as on the command line, with _ for -)
        reduced: run it in seconds, on few images; its verdicts then mean nothing
        set: options of the study in place of the recipe's, as images=64, data=nyuv2:/data/nyuv2, "eps=[4, 8]"
    """

    recipe: str
    reduced: bool = False
    set: list[str] = field(default_factory=list)


@dataclass
class RunOptions(SharedOptions, Recipe):
    """Which recipe, and what all studies share."""


def run(options: RunOptions) -> None:
    """Run the studies that recipes name, with their options, and judge their claims."""
    from mt_torchattacks.evaluation.processes import joined
    from mt_torchattacks.recipes import StudyRecipe

    found = {name: StudyRecipe.load(file) for name, file in recipes_of(options.recipe).items()}
    with joined() as process:
        for name, recipe in found.items():
            if not options.quiet and not options.json and process == 0:
                print(f"# {name}\n\n{recipe.about}\n", flush=True)
            run_recipe(name, recipe, options, Path(name) if len(found) > 1 else Path(Path(name).stem))


def run_recipe(name: str, recipe: Any, options: RunOptions, folder: Path) -> None:
    """Run a recipe; its results are in a folder of the output's where there are several."""
    from mt_torchattacks.cli.parse import parse_mapping
    from mt_torchattacks.recipes import judged_tables

    study = all_studies()[recipe.study]
    shared = {one.name: getattr(options, one.name) for one in fields(SharedOptions)}
    alone = options.output is not None and len(folder.parts) == 1
    shared["output"] = str(options.output if alone else (options.output or Path("results")) / folder)
    given = recipe.options | (recipe.reduced if options.reduced else {}) | own_values(options.set) | shared
    run_study(study, parse_mapping(command_of(study), given, name), partial(judged_tables, recipe))


def own_values(words: Sequence[str]) -> dict[str, Any]:
    """What ``NAME=VALUE`` says; the values are YAML.

    Raises:
        ValueError: no ``=``, or a value that is no YAML.
    """
    import yaml

    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        mta.checks.require(bool(name and equals), "set", "NAME=VALUE", repr(word))
        try:
            found[name.strip().replace("-", "_")] = yaml.safe_load(value)
        except yaml.YAMLError:
            mta.checks.fail("set", "a value in YAML", repr(word))
    return found


def recipes_of(text: str) -> Mapping[str, Any]:
    """The recipes' files by name: of a name, a pattern, or a path.

    Raises:
        ValueError: none is meant; the message lists those that have names.
    """
    from mt_torchattacks.recipes import recipe_files

    known = recipe_files()
    named = {name: known[name] for name in fnmatch.filter(known, text)}
    if named:
        return named
    path = Path(text)
    is_file = path.exists() or path.suffix in (".yaml", ".yml") or path.is_absolute()
    expected = f"one of {mta.checks.listed(known)}, or a YAML file"
    mta.checks.require(is_file, "recipe", expected, f"{text!r}{mta.names.hint(text, known)}")
    return {text: path}


COMMANDS = (
    Command("run", "run a study with the options of a recipe, and judge claims", "rooms/white-box --reduced",
            RunOptions, run),
)  # fmt: skip
