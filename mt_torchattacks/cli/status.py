"""``mt-attack status``: how far the runs in a folder are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mt_torchattacks as mta
from mt_torchattacks.cli.command import Command
from mt_torchattacks.cli.printing import PrintOptions, show
from mt_torchattacks.evaluation.claims import claims_in


@dataclass
class Folder:
    """Which folder.

    Args:
        folder: the output folder of a study, perhaps one that several processes are at work on
    """

    folder: Path


@dataclass
class StatusOptions(PrintOptions, Folder):
    """Which folder, and how to print."""


def status(options: StatusOptions) -> None:
    """Print how many cells are done, which ones are being computed by whom, and which ones failed and why."""
    cells = options.folder / "cells"
    mta.checks.require(cells.is_dir(), "folder", "the output folder of a study", str(options.folder))
    claims = claims_in(cells)
    found = {
        "done": len(list(cells.glob("*.json"))),
        "computing": {name: f"process {of['pid']} on {of['host']}" for name, of in claims.items() if "pid" in of},
        "failed": {name: of["failed"] for name, of in claims.items() if "failed" in of},
    }
    show(options, _lines(found), lambda: found)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['done']} cells done, {len(found['computing'])} being computed, {len(found['failed'])} failed"
    yield from (f"computing  {name}  ({who})" for name, who in found["computing"].items())
    yield from (f"failed     {name}  ({why})" for name, why in found["failed"].items())


COMMANDS = (
    Command("status", "how far the runs in a folder are", "results/white-box", StatusOptions, status),
)  # fmt: skip
