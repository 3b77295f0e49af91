"""``mt-attack list``: what there is, by name; nothing heavy is loaded for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import mt_torchattacks as mta
from mt_torchattacks.attacks.create import attack_names
from mt_torchattacks.cli.command import Command
from mt_torchattacks.cli.printing import PrintOptions, show
from mt_torchattacks.studies import all_studies


@dataclass
class Listed:
    """What to list.

    Args:
        what: models, attacks, rules, data, studies or recipes
    """

    what: Literal["models", "attacks", "rules", "data", "studies", "recipes"]


@dataclass
class ListOptions(PrintOptions, Listed):
    """What to list, and how."""


def show_names(options: ListOptions) -> None:
    """Print the names and what they are, one a line."""
    found = _LISTS[options.what]()
    width = max(map(len, found))
    show(options, (f"{name:{width}}  {about}".rstrip() for name, about in found.items()), lambda: found)


def _studies() -> dict[str, str]:
    return {name: study.help for name, study in all_studies().items()}


def _attacks() -> dict[str, str]:
    hosted = dict.fromkeys(mta.attacks.HOSTED, "torchattacks' loop on all tasks")
    return dict.fromkeys(attack_names(), "an attack of this library or of a plugin") | hosted


def _rules() -> dict[str, str]:
    written = {"single": "write single:TASK", "weighted": "write TASK=WEIGHT,TASK=WEIGHT"}
    return dict.fromkeys(mta.balancing.rule_names(), "") | written


def _data() -> dict[str, str]:
    catalogue = mta.data.catalogue
    return {
        name: f"{name}:ROOT" if catalogue.on_disk(name) else "made on the spot" for name in catalogue.dataset_names()
    }


def _recipes() -> dict[str, str]:
    from mt_torchattacks.recipes.recipe import StudyRecipe, recipe_files

    loaded = {name: StudyRecipe.load(file) for name, file in recipe_files().items()}
    return {
        name: f"mt-attack {of.study}, {len(of.claims)} claim{'s' * (len(of.claims) != 1)}"
        for name, of in loaded.items()
    }


_LISTS: dict[str, Callable[[], dict[str, str]]] = {
    "models": lambda: {name: mta.models.zoo_about(name) for name in mta.models.zoo_names()},
    "attacks": _attacks,
    "rules": _rules,
    "data": _data,
    "studies": _studies,
    "recipes": _recipes,
}

COMMANDS = (
    Command(
        "list", "the names of models, attacks, rules, data, studies or recipes", "attacks", ListOptions, show_names
    ),
)
