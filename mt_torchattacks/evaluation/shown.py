"""Results as people see them: a table where they are printed or end a notebook's cell, and a figure."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from mt_torchattacks import checks
from mt_torchattacks.figures import COLOURS, MARKERS, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TOTAL = "total"


class ShownAsTable(ABC):
    """A result that is a table of average relative performance (ARP): a row for each attack, a column for each task."""

    @abstractmethod
    def _title(self) -> str:
        """A line above the table and the figure."""

    @abstractmethod
    def _tasks(self) -> Sequence[str]:
        """The tasks that have an ARP of their own."""

    @abstractmethod
    def _arp(self) -> Mapping[str, Mapping[str, float]]:
        """ARP in percent by attack, then by task and ``"total"``."""

    def _columns(self) -> Mapping[str, Mapping[str, str]]:
        """Further columns of the table: texts by column, then by attack."""
        return {}

    def __repr__(self) -> str:
        head, *rows = self._cells()
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *(v.rjust(w) for v, w in zip(row[1:], widths[1:], strict=True))])
            for row in (head, *rows)
        ]
        return "\n".join([self._title(), *lines])

    def _repr_html_(self) -> str:
        head, *rows = ([escape(cell) for cell in row] for row in self._cells())
        lines = "".join(f"<tr><th>{row[0]}</th>{''.join(f'<td>{v}</td>' for v in row[1:])}</tr>" for row in rows)
        columns = "".join(f"<th>{name}</th>" for name in head)
        title = escape(self._title())
        return f"<table><caption>{title}</caption><thead><tr>{columns}</tr></thead><tbody>{lines}</tbody></table>"

    def plot(self) -> Figure:
        """The table as a figure: for each attack a bar as long as the tasks' mean ARP, and a mark for each task.

        Returns:
            A figure apart from pyplot; ``mta.report.save_figure(figure, "arp.png")`` writes it.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: there is no attack.
        """
        arp = self._arp()
        checks.require(bool(arp), "result", "at least one attack", "none")
        tasks = self._tasks()
        figure = new_figure(7.5, 1.7 + 0.34 * len(arp))
        axes, places = figure.subplots(), range(len(arp))
        axes.barh(places, [of[_TOTAL] for of in arp.values()], height=0.62, color="#D9D9D9", label="mean of the tasks")
        for i, task in enumerate(tasks):
            (marks,) = axes.plot([of.get(task, math.nan) for of in arp.values()], places, label=task)
            marks.set(color=COLOURS[i % len(COLOURS)], marker=MARKERS[i % len(MARKERS)], linestyle="")
        axes.set_yticks(places, list(arp))
        axes.invert_yaxis()
        axes.axvline(0, color="#333333", linewidth=0.8)
        plain(axes, values="x")
        axes.set_xlabel("average relative performance (%); higher is more harm")
        figure.suptitle(self._title(), fontsize=12)
        columns = min(len(tasks) + 1, 5)
        figure.legend(loc="lower center", ncols=columns, frameon=False, fontsize=9)
        figure.tight_layout(rect=(0, 0.32 * math.ceil((len(tasks) + 1) / columns) / figure.get_figheight(), 1, 1))
        return figure

    def _cells(self) -> list[list[str]]:
        """The table as texts, its head first; needs no pandas."""
        arp, more, names = self._arp(), self._columns(), [*self._tasks(), _TOTAL]
        rows = [
            [attack, *(of.get(attack, "") for of in more.values()), *(f"{by.get(one, math.nan):.1f}" for one in names)]
            for attack, by in arp.items()
        ]
        return [["attack", *more, *names], *rows]
