"""The numbers of the papers' tables, as data."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks

if TYPE_CHECKING:
    from pandas import DataFrame


def published_table(
    file: str,
    where: Mapping[str, Any] | None = None,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[str, str] | str] | None = None,
) -> DataFrame:
    """A published table; what the files hold is in ``README.md`` beside them.

    Args:
        file: its name, as ``"white_box_arp"``.
        where: values by column; other rows are left out.
        columns: new names by column.
        values: new values by the column's name in the file and its value there, others stay; or a text in which ``{}``
            stands for the value there.

    Raises:
        ImportError: pandas is not installed.
        ValueError: no such file or column, or no row is left.

    Example:
        >>> table = published_table("white_box_arp", {"dataset": "nyuv2", "model": "AS"}, {"variant": "rule"})
        >>> table[(table.attack == "pgd") & (table.eps_255 == 8)][["rule", "arp_percent"]].tail(2)
               rule  arp_percent
        298  sign_total        83.56
        299        dgba        88.51
    """
    folder = resources.files("mt_torchattacks.published")
    there = sorted(path.name.removesuffix(".csv") for path in folder.iterdir() if path.name.endswith(".csv"))
    checks.one_of(file, "file", there)
    with (folder / f"{file}.csv").open(encoding="utf-8") as opened:
        table: DataFrame = checks.optional("pandas", extra="plot").read_csv(opened, na_values="-")
    for column, value in (where or {}).items():
        checks.one_of(column, "where", list(table.columns))
        table = table[table[column] == value]
    checks.require(len(table) > 0, "where", f"rows of {file}", dict(where or {}))
    for column, new in (values or {}).items():
        checks.one_of(column, "values", list(table.columns))
        old = table[column]
        table[column] = old.astype(str).map(new.format) if isinstance(new, str) else old.replace(dict(new))
    for column in columns or {}:
        checks.one_of(column, "columns", list(table.columns))
    return table.rename(columns=dict(columns or {}))
