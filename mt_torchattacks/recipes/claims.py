"""Claims of papers about tables, and what numbers say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from mt_torchattacks import checks
from mt_torchattacks.metrics import mean_rank_correlation, paired_test

if TYPE_CHECKING:
    from pandas import DataFrame

HOLDS, DOES_NOT, UNDECIDED = "holds", "does not hold", "undecided"


@dataclass(frozen=True)
class Claim:
    """A sentence about a table, in one of three forms.

    - **More**: ``column`` is larger in the rows ``of`` than in the rows ``than``, pair by pair ``over`` the columns
      that two such rows agree in. Where several rows fit, the largest counts: ``than: {rule: "single:*"}`` is the best
      single task. With ``than_column`` two columns of the same rows are compared.
    - **Rises**: ``column`` rises with the column ``rises_with``: the mean rank correlation within each of ``over``.
    - **At most**: ``column`` is at most ``at_most``.

    Args:
        says: the claim as a sentence.
        table: the study's table.
        column: the numbers.
        of, than: patterns by column that choose rows.
        than_column: the other column of the same rows.
        over: columns that pairs agree in.
        unit: column of what is independent: pairs of one model, say, are averaged first; each pair by default.
        rises_with: column of what is said to raise the numbers.
        at_most: a limit.
        factor: the rows ``than`` are multiplied by this first.
    """

    says: str
    table: str
    column: str
    of: dict[str, Any] = field(default_factory=dict)
    than: dict[str, Any] = field(default_factory=dict)
    than_column: str = ""
    over: list[str] = field(default_factory=list)
    unit: str = ""
    rises_with: str = ""
    at_most: float | None = None
    factor: float = 1.0

    @classmethod
    def parse(cls, found: Mapping[str, Any], name: str) -> Claim:
        """A claim as a file has it.

        Raises:
            KeyError, TypeError, ValueError: something is missing, or there that should not be.
        """
        checks.keys(found, name, ("says", "table", "column"), allowed=[one.name for one in fields(cls)])
        forms = [form for form in ("than", "than_column", "rises_with", "at_most") if form in found]
        checks.require(len(forms) == 1, name, "one of than, than_column, rises_with and at_most", forms or "none")
        return cls(**found)


class NothingToJudgeError(ValueError):
    """A table has no row that the claim is about."""


class Verdict(NamedTuple):
    """What numbers say of a claim.

    Args:
        verdict: ``holds``, ``does not hold`` or ``undecided``.
        value: the mean difference, the mean of the rank correlations, or the mean distance to the limit.
        low, high: its 95 % interval; NaN for a rank correlation, and where there are too few numbers for one.
        pairs: how many pairs, units, or things in order there are.
    """

    verdict: str
    value: float
    low: float
    high: float
    pairs: int


def judge(claim: Claim, table: DataFrame) -> Verdict:
    """What a table says of a claim: it holds, or does not, if the 95 % interval of the mean is on one side of zero.

    A rank correlation counts if its p-value is below 0.05.

    Args:
        claim: the claim.
        table: has the columns that the claim names.

    Raises:
        ValueError: a column is missing.
        NothingToJudgeError: every row that the claim is about is missing.

    Example:
        >>> import pandas
        >>> numbers = {"model": list("aabbcc"), "arp": [3, 1, 4, 2, 5, 2]}
        >>> table = pandas.DataFrame({"rule": ["dgba", "total"] * 3} | numbers)
        >>> more = {"of": {"rule": "dgba"}, "than": {"rule": "total"}, "over": ["model"]}
        >>> judge(Claim("dgba harms more", "arp", "arp", **more), table)
        Verdict(verdict='holds', value=2.33, low=0.90, high=3.77, pairs=3)
    """
    wanted = {claim.column, *claim.of, *claim.than, *claim.over, claim.than_column, claim.rises_with, claim.unit} - {""}
    missing = sorted(wanted - set(table.columns))
    checks.require(not missing, f"table {claim.table}", f"the columns {', '.join(missing)}", list(table.columns))
    if claim.rises_with:
        return _rises(claim, table)
    pairs = _pairs(claim, table)
    wanted_rows = "rows that the claim is about"
    checks.require(len(pairs) > 0, f"table {claim.table}", wanted_rows, "none", NothingToJudgeError)
    if claim.unit:
        pairs = pairs.groupby(claim.unit).mean(numeric_only=True)
    return _verdict(pairs["first"].tolist(), pairs["second"].tolist())


def _pairs(claim: Claim, table: DataFrame) -> DataFrame:
    """Numbers that are said to be larger, ``first``, beside those that they are compared with, ``second``."""
    rows = _chosen(table, claim.of)
    if claim.at_most is not None:
        return rows.assign(first=claim.at_most, second=rows[claim.column]).dropna(subset=["second"])
    if claim.than_column:
        return rows.assign(first=rows[claim.column], second=claim.factor * rows[claim.than_column])
    others = _chosen(table, claim.than)
    if not claim.over:
        both = (rows[claim.column].max(), claim.factor * others[claim.column].max())
        return rows.head(1).assign(first=both[0], second=both[1])
    first = rows.groupby(claim.over)[claim.column].max()
    second = claim.factor * others.groupby(claim.over)[claim.column].max()
    joined: DataFrame = first.rename("first").to_frame().join(second.rename("second"), how="inner").reset_index()
    return joined


def _rises(claim: Claim, table: DataFrame) -> Verdict:
    """The mean rank correlation of the groups, whose rows are of the same things, which are reordered together."""
    rows = _chosen(table, claim.of).dropna(subset=[claim.column])
    by = claim.over or [claim.says]  # one group
    wide = rows.assign(**{claim.says: ""}).pivot_table(index=claim.rises_with, columns=by, values=claim.column).dropna()
    checks.require(len(wide) >= 3, f"table {claim.table}", f"three values of {claim.rises_with} at least", len(wide))
    found = mean_rank_correlation(wide.index.tolist(), wide.T.to_numpy().tolist())
    verdict = UNDECIDED if found.p_value >= 0.05 else HOLDS if found.value > 0 else DOES_NOT
    return Verdict(verdict, found.value, float("nan"), float("nan"), len(wide))


def _verdict(first: list[float], second: list[float]) -> Verdict:
    if len(first) < 2:
        return Verdict(UNDECIDED, first[0] - second[0], float("nan"), float("nan"), 1)
    found = paired_test(first, second)
    verdict = HOLDS if found.low > 0 else DOES_NOT if found.high < 0 else UNDECIDED
    return Verdict(verdict, found.difference, found.low, found.high, found.pairs)


def _chosen(table: DataFrame, patterns: Mapping[str, Any]) -> DataFrame:
    for column, pattern in patterns.items():
        table = table[table[column].map(lambda value, pattern=pattern: _fits(value, pattern)).astype(bool)]
    return table


def _fits(value: Any, pattern: Any) -> bool:
    """A text against a pattern or several; a number against a number."""
    if isinstance(pattern, list):
        return any(_fits(value, one) for one in pattern)
    if isinstance(pattern, str):
        return fnmatchcase(str(value), pattern)
    return bool(value == pattern)
