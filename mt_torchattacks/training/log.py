"""The rows of a training as a CSV file, and for TensorBoard."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mt_torchattacks import checks
from mt_torchattacks.files import remove_stale, write_whole

Row = dict[str, float]


class Log:
    """Keeps ``log.csv`` and, if asked, TensorBoard's events in step with a training's rows.

    The CSV file is written whole each time; the events begin anew with the first row. So neither has a row twice or
    lacks one, whenever the training was interrupted and resumed.

    Args:
        folder: where they are; None for no log.
        tensorboard: write events too.

    Raises:
        ImportError: ``tensorboard`` without the extra ``tensorboard``.
    """

    def __init__(self, folder: Path | None, *, tensorboard: bool = False) -> None:
        self.path = None if folder is None else folder / "log.csv"
        self._writer: Any = None
        self._written = 0
        if folder is not None:
            remove_stale(folder, age=0)  # of an interrupted run of this training: its folder is nobody else's
        if folder is not None and tensorboard:
            module = checks.optional("tensorboardX", extra="tensorboard")
            self._writer = module.SummaryWriter(str(folder), purge_step=0)

    def update(self, rows: Sequence[Row]) -> None:
        """Bring both up to these rows, all of the training's until now."""
        if self.path is None or not rows:
            return
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
        write_whole(self.path, text.getvalue())
        if self._writer is not None:
            for row in rows[self._written :]:
                for task, loss in row.items():
                    if task != "epoch":
                        self._writer.add_scalar(f"loss/{task}", loss, row["epoch"])
            self._written = len(rows)

    def close(self) -> None:
        """Write what is pending of the events."""
        if self._writer is not None:
            self._writer.close()
