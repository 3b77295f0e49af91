from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from mt_torchattacks.training.log import Log

ROWS = [{"epoch": i, "depth": 1 / (i + 3), "normal": 0.1 * i} for i in range(4)]


def events(folder: Path) -> list[tuple[int, str, float]]:
    """Step, tag and value of every scalar, over all event files in order of their names."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.glob("events*")):
        data = path.read_bytes()
        while data:  # a record is its length, a checksum, the event, a checksum
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
            data = data[16 + length :]
    return found


def test_csv_has_each_row_once_with_all_digits(tmp_path: Path) -> None:
    log = Log(tmp_path / "new")
    log.update([])
    assert not (tmp_path / "new").exists()
    for count in (1, 2, 2, 4):
        log.update(ROWS[:count])
        lines = (tmp_path / "new" / "log.csv").read_text().splitlines()
        assert lines[0] == "epoch,depth,normal"
        assert [[float(v) for v in line.split(",")] for line in lines[1:]] == [
            list(row.values()) for row in ROWS[:count]
        ]


def test_tensorboard_has_each_row_once_also_after_resuming(tmp_path: Path) -> None:
    for resumed_with in (0, 2):
        log = Log(tmp_path / f"from {resumed_with}", tensorboard=True)
        log.update(ROWS[:resumed_with])
        for count in range(resumed_with + 1, 5):
            log.update(ROWS[:count])
        log.close()
        expected = [(row["epoch"], f"loss/{task}", row[task]) for row in ROWS for task in ("depth", "normal")]
        found = events(tmp_path / f"from {resumed_with}")
        assert [event[:2] for event in found] == [event[:2] for event in expected]
        assert [event[2] for event in found] == pytest.approx([event[2] for event in expected])


def test_without_a_folder_nothing_is_written() -> None:
    Log(None, tensorboard=True).update(ROWS)


def test_without_tensorboard_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"mt-torchattacks\[tensorboard\]"):
        Log(tmp_path, tensorboard=True)


def test_what_a_killed_run_was_writing_is_removed(tmp_path: Path) -> None:
    left, own = tmp_path / f".log.csv.{'0' * 32}", tmp_path / ".gitignore"
    for path in (left, own):
        path.write_text("half")
    Log(tmp_path)
    assert list(tmp_path.iterdir()) == [own]
