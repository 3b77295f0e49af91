"""The page: tables that sort and filter, figures, and a viewer of attacked images, in one file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks
from mt_torchattacks.evaluation import in_255
from mt_torchattacks.files import write_whole
from mt_torchattacks.report.page.results import Part

if TYPE_CHECKING:
    from pandas import DataFrame

_HEAT = ("arp", "arp_long", "transfer", "mean", "rises")
"""Tables of harm, whose numbers are coloured; a text as ``arp_depth`` counts as the first."""


def write_page(parts: Sequence[Part], path: Path, title: str = "") -> None:
    """Write the results of studies as one HTML file; it loads nothing from anywhere.

    Args:
        parts: see :func:`~mt_torchattacks.report.page.parts_of`.
        path: the file.
        title: of the page; names of the parts by default.

    Raises:
        ImportError: Jinja2 is not installed.
        OSError: the file cannot be written.
    """
    jinja = checks.optional("jinja2", extra="plot")
    environment = jinja.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((resources.files(__package__) / "page.html").read_text("utf-8"))
    galleries = {str(number): part.gallery for number, part in enumerate(parts) if part.gallery is not None}
    text = template.render(
        title=title or ", ".join(part.name for part in parts)[:80],
        parts=[_shown(part) for part in parts],
        verdicts=[claim for part in parts for claim in _verdicts(part)],
        galleries=json.dumps(galleries).replace("</", "<\\/"),
    )
    write_whole(path, text)


def _shown(part: Part) -> dict[str, Any]:
    options = {name: value for name, value in part.record.get("options", {}).items() if value not in (None, [], "")}
    return {
        "name": part.name,
        "study": part.record.get("command", ""),
        "seconds": part.record.get("seconds", 0.0),
        "device": part.record.get("device", ""),
        "versions": ", ".join(f"{name} {value}" for name, value in part.record.get("versions", {}).items()),
        "options": "; ".join(f"{name} {_words(name, value)}" for name, value in options.items()),
        "tables": [_table(name, frame) for name, frame in part.tables.items() if len(frame)],
        "figures": part.figures,
        "gallery": part.gallery is not None,
    }


def _words(name: str, value: Any) -> str:
    """An option's value; radii are lengths, which people write in 1/255."""
    if isinstance(value, list):
        return ", ".join(_words(name, one) for one in value)
    return f"{in_255(value)}/255" if name in ("eps", "step") and isinstance(value, float) else str(value)


def _table(name: str, frame: DataFrame) -> dict[str, Any]:
    numbers = [dtype.kind in "fi" for dtype in frame.dtypes]
    heat = name.startswith("arp_") or name in _HEAT
    harm = [
        c for c, n in zip(frame.columns, numbers, strict=True) if n and c not in ("eps", "models", "half", "queries")
    ]
    most = max([1e-9, *(abs(float(v)) for c in harm for v in frame[c] if not math.isnan(v))]) if heat else 1.0
    rows = [
        [
            {
                "text": _text(value),
                "sort": value if number and not _nan(value) else "",
                "heat": round(min(1.0, max(0.0, float(value)) / most), 3)
                if heat and c in harm and not _nan(value)
                else 0,
                "kind": _verdict_kind(value),
            }
            for c, value, number in zip(frame.columns, row, numbers, strict=True)
        ]
        for row in frame.itertuples(index=False)
    ]
    columns = [{"name": str(c), "number": n} for c, n in zip(frame.columns, numbers, strict=True)]
    return {"name": name.replace("_", " "), "columns": columns, "rows": rows, "long": len(rows) > 40}


def _text(value: Any) -> str:
    if _nan(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _verdict_kind(value: Any) -> str:
    return (
        {"holds": "good", "does not hold": "bad", "undecided": "open"}.get(value, "") if isinstance(value, str) else ""
    )


def _verdicts(part: Part) -> list[dict[str, str]]:
    if "claims" not in part.tables:
        return []
    claims = part.tables["claims"]
    return [
        {
            "part": part.name,
            "claim": row["claim"],
            "measured": row["verdict, measured"],
            "published": row["verdict, published"],
            "value": _text(row["measured"]),
            "kind": _verdict_kind(row["verdict, measured"]),
            "published_kind": _verdict_kind(row["verdict, published"]),
        }
        for row in claims.to_dict("records")
    ]
