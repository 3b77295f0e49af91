"""How far a run is: a bar with the time left on a terminal, a line for each cell elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm


class CellProgress:
    """Shows how many of a run's cells are done.

    Args:
        total: number of cells.
        done: how many are there already.
        show: whether to show anything.
    """

    def __init__(self, total: int, done: int, *, show: bool) -> None:
        self._bar = tqdm(total=total, initial=done, desc="cells", unit="cell", disable=None if show else True)
        self._show, self._lines = show, show and not sys.stderr.isatty()
        self._total, self._done, self._start = total, done, time.perf_counter()

    def __enter__(self) -> CellProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.close()

    def finished(self, name: str) -> None:
        """Tell that a cell was computed."""
        self._done += 1
        self._bar.update()
        if self._lines:
            seconds, self._start = time.perf_counter() - self._start, time.perf_counter()
            print(f"[{self._done}/{self._total}] {name} ({seconds:.1f} s)", file=sys.stderr, flush=True)

    def failed(self, name: str, error: Exception) -> None:
        """Tell that a cell could not be computed, and why."""
        self._bar.update()
        self._done += 1
        if self._show:
            line = f"{name} failed: {type(error).__name__}: {error}"
            tqdm.write(line if not self._lines else f"[{self._done}/{self._total}] {line}", file=sys.stderr)
