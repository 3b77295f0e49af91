"""Claims: who has one is asked for once, and one whose process is gone is lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mt_torchattacks.evaluation import claims
from mt_torchattacks.evaluation.claims import Claims, claim_of, claims_in


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    return now


def foreign(path: Path, **more: object) -> Path:
    """A claim of a process on another machine."""
    claim = claim_of(path)
    claim.write_text(json.dumps({"host": "elsewhere", "pid": 1, "run": None} | more))
    return claim


def test_a_claim_is_one_processes(tmp_path: Path) -> None:
    path = tmp_path / "cell.json"
    assert Claims().take(path)
    assert not Claims().take(path)
    [(name, found)] = claims_in(tmp_path).items()
    assert (name, found["pid"]) == ("cell", os.getpid())
    with Claims().held(path):
        pass
    assert Claims().take(path)


def test_a_claim_of_a_dead_process_on_this_machine_is_lost_at_once(tmp_path: Path) -> None:
    path = tmp_path / "cell.json"
    Claims().take(path)
    found = json.loads(claim_of(path).read_text())
    dead = os.fork()
    if not dead:
        os._exit(0)
    os.waitpid(dead, 0)
    claim_of(path).write_text(json.dumps(found | {"pid": dead}))
    assert Claims().take(path)


def test_a_claim_on_another_machine_is_lost_when_it_gives_no_sign_of_life(tmp_path: Path, clock: list[float]) -> None:
    path = tmp_path / "cell.json"
    claim = foreign(path)
    os.utime(claim, (1, 1))  # its clock, or ours, is decades off
    mine = Claims()
    assert not mine.take(path)
    clock[0] += claims.PATIENCE - 1
    assert not mine.take(path)
    os.utime(claim, (2, 2))  # a sign of life
    clock[0] += claims.PATIENCE - 1
    assert not mine.take(path)
    clock[0] += claims.PATIENCE + 1
    assert mine.take(path)
    assert claims_in(tmp_path)["cell"]["pid"] == os.getpid()


def test_what_failed_is_not_tried_again_in_the_same_run_alone(tmp_path: Path) -> None:
    path, run = tmp_path / "cell.json", Claims("run 1")
    assert run.take(path)
    with pytest.raises(ValueError, match="too large"), run.held(path):
        raise ValueError("too large")
    assert run.failure(path) == Claims("run 1").failure(path) == "ValueError: too large"
    assert not Claims("run 1").take(path)
    assert Claims("run 2").failure(path) is None
    assert Claims("run 2").take(path)


def test_without_a_run_a_failure_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cell.json"
    Claims().take(path)
    with pytest.raises(ValueError, match="no"), Claims().held(path):
        raise ValueError("no")
    assert claims_in(tmp_path) == {}


def test_a_claim_that_is_just_being_written_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "cell.json"
    claim_of(path).write_text("")
    assert not Claims().take(path)
