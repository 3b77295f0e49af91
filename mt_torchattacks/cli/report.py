"""``mt-attack report``: a folder of results as a page, as Markdown and as LaTeX."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mt_torchattacks as mta
from mt_torchattacks.cli.command import Command
from mt_torchattacks.cli.printing import PrintOptions, show


@dataclass
class Reported:
    """What to report, and where to.

    Args:
        folder: the output folder of a study, or one that has such folders in it
        output: folder for report.html, report.md and report.tex; the same folder by default
        title: of the page; the studies' names by default
    """

    folder: Path
    output: Path | None = None
    title: str = ""


@dataclass
class ReportOptions(PrintOptions, Reported):
    """What to report, and how to print."""


def report(options: ReportOptions) -> None:
    """Write all tables and figures in a folder as one page, and the tables for documents."""
    from mt_torchattacks.report.page import parts_of, write_page

    parts, output = parts_of(options.folder), options.output or options.folder
    write_page(parts, output / "report.html", options.title)
    tables = [(part.name, name, frame) for part in parts for name, frame in part.tables.items() if len(frame)]
    markdown = [f"## {part}: {name}\n\n{mta.report.to_markdown(frame, 2)}\n" for part, name, frame in tables]
    latex = [f"% {part}: {name}\n{mta.report.to_latex(frame, bold=_by_rule(name))}\n" for part, name, frame in tables]
    mta.files.write_whole(output / "report.md", "\n".join(markdown))
    mta.files.write_whole(output / "report.tex", "\n".join(latex))
    written = [str(output / f"report.{ending}") for ending in ("html", "md", "tex")]
    show(options, (f"written {path}" for path in written), lambda: {"written": written})


def _by_rule(name: str) -> bool:
    """Whether a row of a table compares rules, so that the largest number is the strongest attack."""
    return name in ("mean", "summary") or (name.startswith("arp_") and name != "arp_long")


COMMANDS = (
    Command("report", "a folder of results as one HTML page, as Markdown and as LaTeX", "results/demo",
            ReportOptions, report),
)  # fmt: skip
