"""Tables of an evaluation, as CSV for programs and Markdown for people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mt_torchattacks import checks
from mt_torchattacks.evaluation import Evaluation
from mt_torchattacks.files import write_whole

if TYPE_CHECKING:
    from pandas import DataFrame


class AttackName(NamedTuple):
    """The parts of an attack's name in an evaluation: ``attack/rule/eps``, the latter two may be missing."""

    attack: str
    rule: str = ""
    eps: str = ""

    @classmethod
    def parse(cls, name: str) -> AttackName:
        """Split a name; what has more than two slashes is all attack.

        Example:
            >>> AttackName.parse("apgd/single:depth/8")
            AttackName(attack='apgd', rule='single:depth', eps='8')
        """
        parts = name.split("/")
        return cls(*parts) if len(parts) <= 3 else cls(name)


def arp_table(evaluation: Evaluation) -> DataFrame:
    """Average relative performance in percent, one row an attack.

    Returns:
        A frame with the columns attack, rule, eps (all three parts of the attack's name), one for each task, total.

    Raises:
        ImportError: pandas is not installed.
    """
    table = evaluation.arp()
    names = [AttackName.parse(name) for name in table.index]
    for position, part in enumerate(AttackName._fields):
        table.insert(position, part, [getattr(name, part) for name in names])
    return table.reset_index(drop=True)


def clean_table(evaluation: Evaluation, baseline: Mapping[str, Mapping[str, float]] | None = None) -> DataFrame:
    """Metrics on clean images, one row a metric; beside them those of a constant prediction, where given.

    Raises:
        ImportError: pandas is not installed.
    """
    rows = [
        {"task": task, "metric": metric, "model": value}
        | ({} if baseline is None else {"mean prediction": baseline[task][metric]})
        for task, values in evaluation.clean.metrics.items()
        for metric, value in values.items()
    ]
    return checks.optional("pandas", extra="plot").DataFrame(rows)


def by_rule(table: DataFrame, measure: str = "total") -> DataFrame:
    """One column of :func:`arp_table`, a row for each attack and eps, a column for each rule."""
    return _wide(table, ["eps", "attack"], "rule", measure)


def by_target(table: DataFrame, measure: str = "total") -> DataFrame:
    """One surrogate's rows of the study :class:`~mt_torchattacks.studies.transfer.Transfer`, a column for each target.

    The surrogate's own column says ``(white box)``; the last one is the mean of the others.

    Args:
        table: rows of one surrogate.
        measure: name of the column to show.
    """
    white = table["setting"] == "white_box"
    marked = table.assign(target=table["target"].where(~white, table["target"] + " (white box)"))
    wide = _wide(marked, ["eps", "attack", "rule"], "target", measure)
    others = list(dict.fromkeys(marked["target"][~white]))
    return wide.assign(**{"mean black box": wide[others].mean(axis=1)}) if others else wide


def transfer_summary(table: DataFrame, measure: str = "total") -> DataFrame:
    """Mean over all pairs of surrogate and other target, a row for each attack and eps, a column for each rule."""
    black = table[table["setting"] == "black_box"]
    means = black.groupby(["eps", "attack", "rule"], sort=False)[measure].mean().reset_index()
    return by_rule(means, measure)


def _wide(table: DataFrame, rows: list[str], column: str, values: str) -> DataFrame:
    """A pivot that keeps the order in which rows and columns first occur."""
    columns = list(dict.fromkeys(table[column]))
    wide = table.pivot(index=rows, columns=column, values=values)
    order = list(dict.fromkeys(table[rows].itertuples(index=False, name=None)))
    return wide.loc[order, columns].reset_index().rename_axis(columns=None)


def to_markdown(table: DataFrame, digits: int = 1) -> str:
    """A frame as a Markdown table: numbers with ``digits`` decimals and to the right, NaN left empty.

    Example:
        >>> import pandas
        >>> print(to_markdown(pandas.DataFrame({"rule": ["dgba"], "total": [88.514]})))
        | rule | total |
        |:-----|------:|
        | dgba |  88.5 |
    """
    numeric = [dtype.kind == "f" for dtype in table.dtypes]
    rows = [
        [_number(value, digits) if number else str(value) for value, number in zip(row, numeric, strict=True)]
        for row in table.itertuples(index=False)
    ]
    header = [str(column) for column in table.columns]
    widths = [max(3, *(len(row[i]) for row in [header, *rows])) for i in range(len(header))]
    rule = [
        ("-" * (w + 1) + ":") if number else (":" + "-" * (w + 1)) for w, number in zip(widths, numeric, strict=True)
    ]
    lines = [
        " | ".join(
            cell.rjust(w) if number else cell.ljust(w) for cell, w, number in zip(row, widths, numeric, strict=True)
        )
        for row in [header, *rows]
    ]
    return "\n".join([f"| {lines[0]} |", f"|{'|'.join(rule)}|", *(f"| {line} |" for line in lines[1:])])


def _number(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{round(value, digits) + 0.0:.{digits}f}"


def save_table(table: DataFrame, path: str | Path, digits: int = 2) -> None:
    """Write a frame as ``<path>.csv`` and ``<path>.md``."""
    write_whole(f"{path}.csv", table.to_csv(index=False, float_format=f"%.{digits}f"))
    write_whole(f"{path}.md", to_markdown(table, digits) + "\n")
