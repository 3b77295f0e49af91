"""What the benchmarks have printed, as JSON beside this file, and the page that is made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent


def parts(text: str) -> list[dict[str, Any]]:
    r"""What a benchmark printed in Markdown: paragraphs ``{"text"}`` and tables ``{"columns", "align", "rows"}``.

    Example:
        >>> parts("In seconds.\n\n| a | b |\n|:--|--:|\n| x | 1 |\n")
        [{'text': 'In seconds.'}, {'columns': ['a', 'b'], 'align': [':--', '--:'], 'rows': [['x', '1']]}]
    """
    found = []
    for block in text.strip().split("\n\n"):
        lines = block.strip().splitlines()
        first = next((i for i, line in enumerate(lines) if line.startswith("|")), len(lines))
        before = " ".join(line.strip() for line in lines[:first])
        if before:
            found.append({"text": before})
        if first < len(lines):
            columns, align, *rows = (
                [cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines[first:]
            )
            found.append({"columns": columns, "align": align, "rows": rows})
    return found


def page(folder: Path = RESULTS) -> str:
    """All results as a page: a section for each benchmark, with what it was measured on."""
    lines = [
        "# Benchmarks",
        "",
        "What `python -m benchmarks` has printed, benchmark by benchmark, and on what. Times are ratios within one "
        "run; what a table says is in the benchmark's own help (`python -m benchmarks.cost_per_step --help`).",
        "",
    ]
    for path in sorted(folder.glob("*.json")):
        lines += _section(json.loads(path.read_text("utf-8")))
    return "\n".join(lines).rstrip() + "\n"


def _section(found: Mapping[str, Any]) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if name != "machine")
    yield from (f"## {found['name']}", "", f"`{found['command']}`", "")
    yield from (
        f"{found['started'][:10]}, commit {found['commit']}, {found['seconds']} s on {found['machine']}; {versions}.",
        "",
    )
    for part in found["printed"]:
        if "text" in part:
            yield part["text"]
        else:
            for row in (part["columns"], part["align"], *part["rows"]):
                yield f"| {' | '.join(row)} |"
        yield ""
