"""The benchmark of how long things take to start: what it counts and prints (times are not looked at)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import startup


def test_medians_are_taken_after_the_first_round_and_less_the_interpreter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: Counter[str] = Counter()

    def seconds(code: str) -> float:
        runs[code] += 1
        return 100.0 if runs[code] == 1 else {"pass": 0.25, "import torch": 2.25}.get(code, 1.25) + (runs[code] == 4)

    monkeypatch.setattr(startup, "cpu_seconds", seconds)
    found = startup.main(["--rounds", "3", "--out", str(tmp_path / "startup.json")])
    assert set(runs.values()) == {4}
    assert found["import torch"] == 2.0
    assert found["mta.PGD"] == 1.0
    assert json.loads((tmp_path / "startup.json").read_text("utf-8")) == found
    assert "| mta.PGD | 1.00 | 0.50 | -1.00 |" in capsys.readouterr().out


def test_seconds_of_cpu_are_those_of_the_process() -> None:
    idle, busy = startup.cpu_seconds("import time; time.sleep(0.3)"), startup.cpu_seconds("sum(range(20_000_000))")
    assert 0 < idle < busy


def test_a_case_that_fails_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="expected the exit code 0, found 3"):
        startup.cpu_seconds("raise SystemExit(3)")
