"""A recipe's file, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks
from mt_torchattacks.plugins import load_plugins
from mt_torchattacks.studies import all_studies

if TYPE_CHECKING:
    from importlib.abc import Traversable

    from mt_torchattacks.recipes.claims import Claim

STUDY_RECIPE_FOLDERS: list[Traversable] = [resources.files("mt_torchattacks.recipes")]
"""Where recipes that have a name are found, in folders below; a plugin appends its own, a ``pathlib.Path``."""


@dataclass(frozen=True)
class StudyRecipe:
    """What to measure, what was published, and what is claimed of both.

    Args:
        study: its name.
        about: which table or figure of which paper, and what stands in for what is not here.
        options: of the study, as on the command line, with ``_`` for ``-``.
        reduced: options that make it run in seconds; its verdicts then mean nothing.
        published: for tables of the study the published one: a ``file``, ``where`` a column has a value,
            ``columns``, the study's names by the file's, and ``values``, the same for what is in a column, or a text
            in which ``{}`` stands for it.
        claims: what to judge, see :class:`~mt_torchattacks.recipes.Claim`.
    """

    study: str
    about: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    reduced: dict[str, Any] = field(default_factory=dict)
    published: dict[str, dict[str, Any]] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()

    @classmethod
    def load(cls, source: Any) -> StudyRecipe:
        """The recipe in a YAML file.

        Args:
            source: the file, a ``pathlib.Path`` or what :func:`recipe_files` gives.

        Raises:
            OSError: it cannot be read.
            ValueError, KeyError, TypeError: it is no recipe; the message says what is wrong.
        """
        import yaml

        from mt_torchattacks.recipes.claims import Claim

        try:
            found = yaml.safe_load(source.read_text("utf-8"))
        except yaml.YAMLError as error:
            checks.fail(str(source), "YAML", f"{' '.join(str(error).split())}")
        checks.keys(found, str(source), ("study",), allowed=tuple(cls.__dataclass_fields__))
        checks.one_of(found["study"], f"study in {source}", all_studies())
        for table, published in found.get("published", {}).items():
            checks.keys(
                published, f"published {table} in {source}", ("file",), allowed=("file", "where", "columns", "values")
            )
        claims = tuple(Claim.parse(claim, f"a claim in {source}") for claim in found.get("claims", ()))
        return cls(**{**found, "about": " ".join(str(found.get("about", "")).split()), "claims": claims})


def recipe_files() -> Mapping[str, Any]:
    """The files of the recipes that have a name, by it: ``rooms/white-box``.

    Example:
        >>> "rooms/white-box" in recipe_files()
        True
    """
    load_plugins()
    found = {}
    for folder in STUDY_RECIPE_FOLDERS:
        for group in sorted((part for part in folder.iterdir() if part.is_dir()), key=lambda part: part.name):
            for file in sorted(group.iterdir(), key=lambda file: file.name):
                if file.name.endswith(".yaml"):
                    found[f"{group.name}/{Path(file.name).stem}"] = file
    return found
