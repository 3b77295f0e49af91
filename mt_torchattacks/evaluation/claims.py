"""Which cells are being computed, so that no two processes that share a folder compute the same one.

A claim is a small file beside the cell's. Its holder touches it every few seconds; one that is touched no more is lost
to whoever sees that first. Only changes of the file's time are looked at, by a clock that does not jump, so that
machines whose clocks differ can share a folder.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mt_torchattacks.files import saying_where

BEAT = 5.0
"""Seconds between two signs of life."""

PATIENCE = 60.0
"""Seconds without a sign of life after which a claim is lost; of a process here that is gone, it is lost at once."""

_ENDING = ".claim"


class CellError(RuntimeError):
    """A cell that failed in another process of the same run; the message says which and why."""


class Claims:
    """The claims on the files of a folder, as one process sees them.

    Args:
        run: name of a run of several processes; what failed in it is not tried again in it. None: of no such run.
    """

    def __init__(self, run: str | None = None) -> None:
        self.run = run
        self._seen: dict[Path, tuple[int, float]] = {}

    def take(self, path: Path) -> bool:
        """Claim a cell's file; False if another process, or thread, has it and is alive."""
        claim = claim_of(path)
        claim.parent.mkdir(parents=True, exist_ok=True)
        if self._lost(claim):
            _remove(claim)
        try:
            handle = os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        words = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "run": self.run})
        try:
            with saying_where(claim), os.fdopen(handle, "w") as file:
                file.write(words)
        except OSError:  # an empty claim would keep the cell from those who come when the disk has room again
            claim.unlink()
            raise
        self._seen.pop(claim, None)
        return True

    @contextmanager
    def held(self, path: Path) -> Iterator[None]:
        """Show that this process, which has claimed a file, is alive; the claim ends with the block.

        What fails in a run of several processes leaves its reason for the others.
        """
        claim, done = claim_of(path), threading.Event()

        def beat() -> None:
            while not done.wait(BEAT):
                with suppress(OSError):
                    os.utime(claim)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        failed = None
        try:
            yield
        except Exception as error:
            if self.run is not None:
                failed = {"run": self.run, "failed": f"{type(error).__name__}: {error}"}
            raise
        finally:
            done.set()
            thread.join()
            with suppress(OSError):  # a full disk must not hide what failed
                claim.unlink(missing_ok=True) if failed is None else claim.write_text(json.dumps(failed), "utf-8")

    def failure(self, path: Path) -> str | None:
        """Why a cell failed in this run, if it did."""
        found = read_claim(claim_of(path))
        same = self.run is not None and found.get("run") == self.run
        return found.get("failed") if same else None

    def _lost(self, claim: Path) -> bool:
        """Whether there is a claim whose process is gone, or has failed in another run."""
        try:
            time_ns = claim.stat().st_mtime_ns
        except FileNotFoundError:
            return False
        found = read_claim(claim)
        if "failed" in found:
            return self.run is None or found.get("run") != self.run
        if found.get("host") == socket.gethostname() and not _alive(found["pid"]):
            return True
        now = time.monotonic()
        before, since = self._seen.setdefault(claim, (time_ns, now))
        if before != time_ns:
            self._seen[claim] = (time_ns, now)
            return False
        return now - since > PATIENCE


def claim_of(path: Path) -> Path:
    """The claim's file of a cell's."""
    return path.with_name(f".{path.stem}{_ENDING}")


def claims_in(folder: Path) -> dict[str, dict[str, Any]]:
    """All claims in a folder, by the cell's name: ``host`` and ``pid``, or why it ``failed``."""
    found = sorted(folder.glob(f".*{_ENDING}"))
    return {claim.stem.removeprefix("."): read_claim(claim) for claim in found}


def read_claim(claim: Path) -> dict[str, Any]:
    """What a claim says; nothing where it is gone, or about to be written."""
    try:
        found: dict[str, Any] = json.loads(claim.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove(claim: Path) -> None:
    """Remove a lost claim; of several processes that try, one does."""
    aside = claim.with_name(f".{uuid.uuid4().hex}.lost")
    with suppress(FileNotFoundError):
        claim.rename(aside)
        aside.unlink()
