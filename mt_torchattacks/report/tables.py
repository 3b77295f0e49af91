"""Tables of an evaluation, as CSV for programs and Markdown for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mt_torchattacks.evaluation import Evaluation
from mt_torchattacks.evaluation.files import write_atomically

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


def by_rule(table: DataFrame, measure: str = "total") -> DataFrame:
    """One column of :func:`arp_table`, a row for each attack and eps, a column for each rule."""
    rules = list(dict.fromkeys(table["rule"]))
    wide = table.pivot(index=["eps", "attack"], columns="rule", values=measure)
    order = list(dict.fromkeys(zip(table["eps"], table["attack"], strict=True)))
    return wide.loc[order, rules].reset_index().rename_axis(columns=None)


def to_markdown(table: DataFrame, digits: int = 1) -> str:
    """A frame as a Markdown table: numbers with ``digits`` decimals and to the right, the rest to the left.

    Example:
        >>> import pandas
        >>> print(to_markdown(pandas.DataFrame({"rule": ["dgba"], "total": [88.514]})))
        | rule | total |
        |:-----|------:|
        | dgba |  88.5 |
    """
    numeric = [dtype.kind == "f" for dtype in table.dtypes]
    rows = [
        [
            f"{round(value, digits) + 0.0:.{digits}f}" if number else str(value)
            for value, number in zip(row, numeric, strict=True)
        ]
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


def save_table(table: DataFrame, path: str | Path, digits: int = 2) -> None:
    """Write a frame as ``<path>.csv`` and ``<path>.md``."""
    path = Path(path)
    write_atomically(path.with_suffix(".csv"), table.to_csv(index=False, float_format=f"%.{digits}f"))
    write_atomically(path.with_suffix(".md"), to_markdown(table, digits) + "\n")
