"""Tables for papers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame

_SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\^{}"}
_SPECIAL |= {"±": r"$\pm$"}


def to_latex(table: DataFrame, digits: int = 1, *, bold: bool = False) -> str:
    r"""A frame as a LaTeX ``tabular`` with the rules of the package booktabs.

    Args:
        table: the frame; numbers get ``digits`` decimals, NaN is left empty.
        digits: decimals.
        bold: the largest number of each row in bold face, the columns ``eps`` and ``models`` left out.

    Example:
        >>> import pandas
        >>> print(to_latex(pandas.DataFrame({"attack": ["pgd"], "total": [50.52], "dgba": [73.41]}), bold=True))
        \begin{tabular}{lrr}
        \toprule
        attack & total & dgba \\
        \midrule
        pgd & 50.5 & \textbf{73.4} \\
        \bottomrule
        \end{tabular}
    """
    numeric = [dtype.kind == "f" for dtype in table.dtypes]
    counted = [n and str(c) not in ("eps", "models") for n, c in zip(numeric, table.columns, strict=True)]
    lines = []
    for row in table.itertuples(index=False):
        known = [v for v, c in zip(row, counted, strict=True) if c and not math.isnan(v)]
        best = max(known) if bold and len(known) > 1 else None
        cells = [
            _number(v, digits, marked=c and v == best) if n else _escaped(str(v))
            for v, n, c in zip(row, numeric, counted, strict=True)
        ]
        lines.append(" & ".join(cells) + r" \\")
    head = " & ".join(_escaped(str(column)) for column in table.columns)
    form = "".join("r" if n else "l" for n in numeric)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{form}}}",
            r"\toprule",
            rf"{head} \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _number(value: float, digits: int, *, marked: bool) -> str:
    if math.isnan(value):
        return ""
    text = f"{value:.{digits}f}"
    return rf"\textbf{{{text}}}" if marked else text


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(c, c) for c in text)
