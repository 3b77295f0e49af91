"""A recipe's claims beside the numbers: those that were measured, and the published ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks
from mt_torchattacks.published import published_table
from mt_torchattacks.recipes.claims import Claim, NothingToJudgeError, Verdict, judge
from mt_torchattacks.studies import Table

if TYPE_CHECKING:
    from pandas import DataFrame

    from mt_torchattacks.recipes.recipe import StudyRecipe


def judged_tables(recipe: StudyRecipe, tables: Sequence[Table]) -> list[Table]:
    """The verdicts on a recipe's claims, and its tables beside the published ones.

    Args:
        recipe: the recipe.
        tables: what its study has found.

    Raises:
        ValueError: a claim is about a table or column that there is not.
    """
    measured = {table.name: table.frame for table in tables}
    published = {name: published_table(**of) for name, of in recipe.published.items()}
    rows = []
    for claim in recipe.claims:
        checks.one_of(claim.table, f"table of the claim {claim.says!r}", measured)
        there = published.get(claim.table)
        rows.append({"claim": claim.says} | _row("measured", claim, measured[claim.table]) |
                    _row("published", claim, there))  # fmt: skip
    made = checks.optional("pandas", extra="plot").DataFrame(rows)
    title = "Claims: mean difference (or rank correlation), its 95 % interval, the number of pairs, and the verdict"
    beside = [_beside(name, measured[name], table) for name, table in published.items() if name in measured]
    return [*([Table("claims", title, made)] if rows else []), *beside]


def _row(of: str, claim: Claim, table: DataFrame | None) -> dict[str, str]:
    try:
        found = None if table is None else judge(claim, table)
    except NothingToJudgeError:
        found = None
    if found is None:
        return {of: "", f"verdict, {of}": f"not {of}"}
    return {of: _in_words(found), f"verdict, {of}": found.verdict}


def _in_words(found: Verdict) -> str:
    interval = "" if math.isnan(found.low) else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.value:.2f}{interval}, {found.pairs}"


def _beside(name: str, measured: DataFrame, published: DataFrame) -> Table:
    """Means over the columns that only one of two tables has, or has other values in, side by side."""
    shared = [column for column in measured.columns if column in published.columns]
    keys = [column for column in shared if _alike(measured[column], published[column])]
    numbers = [column for column in shared if column not in keys and measured[column].dtype.kind == "f"]
    both = {"measured": measured.assign(of=""), "published": published.assign(of="")}
    keys = keys or ["of"]
    parts: dict[str, Any] = {
        of: table.groupby(keys, sort=False)[numbers].mean().add_suffix(f", {of}") for of, table in both.items()
    }
    joined = parts["measured"].join(parts["published"], how="inner").reset_index().drop(columns="of", errors="ignore")
    return Table(f"{name}_published", f"{name}: means, measured and published", joined)


def _alike(one: Any, other: Any) -> bool:
    """Whether two columns name the same things: not their numbers, and at least one name is in both."""
    few = one.nunique() <= 32 and other.nunique() <= 32
    return bool(few and set(one.unique()) & set(other.unique()) and one.dtype.kind == other.dtype.kind)
