"""What is in a folder of results: the tables, figures and records that studies write."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mt_torchattacks import checks

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Part:
    """The results of one study.

    Args:
        name: of its folder, below the one that is reported.
        record: ``run.json``: the study, its options, versions, device, seconds.
        tables: by the files' names; verdicts on claims first.
        figures: PNG as ``data:`` addresses, by the files' names.
        gallery: ``gallery.json``, where there is one.
    """

    name: str
    record: dict[str, Any]
    tables: dict[str, DataFrame]
    figures: dict[str, str]
    gallery: dict[str, Any] | None


def parts_of(folder: Path) -> list[Part]:
    """The results in a folder and in those below it, each with a ``run.json``.

    Raises:
        ImportError: pandas is not installed.
        ValueError: there are none, or a file is damaged.
    """
    records = sorted(folder.rglob("run.json"))
    checks.require(len(records) > 0, "folder", "results of a study, with run.json", str(folder))
    return [_part(folder, record) for record in records]


def _part(folder: Path, record: Path) -> Part:
    pandas, place = checks.optional("pandas", extra="plot"), record.parent
    paths = sorted(place.glob("*.csv"), key=lambda path: (path.stem != "claims", path.stem))
    gallery = place / "gallery.json"
    name = str(place.relative_to(folder))
    return Part(
        name if name != "." else place.name,
        _json(record),
        {path.stem: pandas.read_csv(path) for path in paths},
        {path.stem: _address(path) for path in sorted(place.glob("*.png"))},
        _json(gallery) if gallery.exists() else None,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        checks.fail(str(path), "JSON", str(error))
    return found


def _address(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
