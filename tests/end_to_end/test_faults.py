"""What goes wrong on real machines: disks fill up, clocks jump. It is said, and nothing is lost or done twice."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mt_torchattacks import files
from mt_torchattacks.cli import main
from mt_torchattacks.evaluation import Store, claims
from mt_torchattacks.evaluation.claims import Claims, claim_of

DAY = 24 * 3600.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs an administrator's rights")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte free."""
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(2**17))
    return filler


def cells(size: int = 15_000, count: int = 6) -> list[Any]:
    """Cells whose values are so many bytes; of six of 15 kB a disk of 64 KiB holds four at most."""
    return [({"cell": i}, lambda i=i: {"value": str(i) * size}) for i in range(count)]


def left_behind(folder: Path) -> list[str]:
    """Files that are neither cells nor asked for: half written ones, claims."""
    return sorted(path.name for path in folder.rglob(".*"))


def test_a_disk_that_fills_up_keeps_the_cells_that_fit(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(small_disk / "cells")
    with pytest.raises(OSError, match="No space left on device: '.*cells") as raised:
        store.cells(cells(), progress=True)
    kept = sorted((small_disk / "cells").glob("*.json"))
    assert 2 <= len(kept) <= 4
    assert left_behind(small_disk) == []
    assert str(raised.value.filename).startswith(str(small_disk))
    assert "No space left on device" in capsys.readouterr().err
    subprocess.run(["mount", "-o", "remount,size=256k", str(small_disk)], check=True)
    before = {path: path.stat().st_mtime_ns for path in kept}
    values = Store(small_disk / "cells").cells(cells(), progress=False)
    assert [value["value"][0] for value in values] == list("012345")
    assert {path: path.stat().st_mtime_ns for path in kept} == before  # these were not computed again


def test_a_full_disk_leaves_no_claim_that_others_wait_for(small_disk: Path) -> None:
    filler = fill(small_disk)
    store = Store(small_disk / "cells")
    with pytest.raises(OSError, match=r"No space left on device: '.*\.claim'"):
        store.cell({"a": 1}, lambda: 1)
    assert left_behind(small_disk) == []
    filler.unlink()
    started = time.monotonic()
    assert Store(small_disk / "cells").cell({"a": 1}, lambda: 1) == 1
    assert time.monotonic() - started < claims.PATIENCE / 2


def test_a_command_says_which_disk_is_full(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(small_disk)
    words = ["evaluate", "--images", "1", "--attack", "fgsm", "--output", str(small_disk / "out"), "--quiet"]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"No space left on device: '{small_disk}" in error
    assert left_behind(small_disk) == []


def test_what_a_jumped_clock_takes_for_stale_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process's clock is a day ahead: it removes what this one is just writing, once."""
    really, removed = Path.write_bytes, []

    def written(self: Path, content: bytes) -> int:
        size = really(self, content)
        if not removed:
            removed.append(self)
            now = time.time()
            with monkeypatch.context() as other:
                other.setattr(files.time, "time", lambda: now + DAY)
                files.remove_stale(self.parent)
            assert not self.exists()
        return size

    monkeypatch.setattr(Path, "write_bytes", written)
    assert Store(tmp_path).cell({"a": 1}, lambda: {"b": 2}) == {"b": 2}
    [path] = tmp_path.glob("*.json")
    assert json.loads(path.read_text())["value"] == {"b": 2}
    assert left_behind(tmp_path) == []


def test_a_claim_survives_clocks_that_jump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its holder's clock goes back and forth between two signs of life; whoever waits counts seconds of its own."""
    now = [0.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    path = tmp_path / "cell.json"
    claim = claim_of(path)
    claim.write_text(json.dumps({"host": "elsewhere", "pid": 1, "run": None}))
    waiting = Claims()
    for jump in (0, DAY, -DAY, 3 * DAY, -365 * DAY):
        os.utime(claim, (1e9 + jump, 1e9 + jump))
        assert not waiting.take(path)
        now[0] += claims.PATIENCE - 1
        monkeypatch.setattr(time, "time", lambda jump=jump: 1e9 - jump)
    assert not waiting.take(path)
    now[0] += claims.PATIENCE + 1
    assert waiting.take(path)  # which has given no sign of life at last


def test_two_at_work_while_the_clock_jumps_compute_each_cell_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, asked, computed = time.time, [0], []
    lock = threading.Lock()

    def jumping() -> float:
        asked[0] += 1
        return really() + (DAY if asked[0] % 2 else -DAY)

    def compute(i: int) -> int:
        with lock:
            computed.append(i)
        time.sleep(0.01)
        return i

    monkeypatch.setattr(time, "time", jumping)
    wanted = [({"cell": i}, lambda i=i: compute(i)) for i in range(12)]
    found: list[list[int]] = []
    workers = [
        threading.Thread(target=lambda: found.append(Store(tmp_path).cells(wanted, progress=False))) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [list(range(12))] * 2
    assert sorted(computed) == list(range(12))
    assert left_behind(tmp_path) == []
