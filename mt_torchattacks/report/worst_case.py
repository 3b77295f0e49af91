"""Tables of worst-case evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks

if TYPE_CHECKING:
    from pandas import DataFrame


def worst_case_tables(
    keys: Sequence[Mapping[str, Any]], values: Sequence[Mapping[str, Mapping[str, float]]], measure: str
) -> DataFrame:
    """A row for each model and eps, a column for each component.

    Args:
        keys: ``model`` and ``eps`` of each cell.
        values: its ``arp``, ``wins`` and ``scores`` by component.
        measure: which of the three.

    Raises:
        ImportError: pandas is not installed.

    Example:
        >>> worst_case_tables([{"model": "m", "eps": 8.0}], [{"wins": {"clean": 1.0, "square": 3.0}}], "wins")
          model eps  clean  square
        0     m   8    1.0     3.0
    """
    rows = [
        {"model": key["model"], "eps": f"{key['eps']:g}"} | dict(value[measure])
        for key, value in zip(keys, values, strict=True)
    ]
    return checks.optional("pandas", extra="plot").DataFrame(rows)
