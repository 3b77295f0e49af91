"""Results of an older version are not taken for today's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mt_torchattacks.evaluation import Store, version
from tests import golden


def test_other_numbers_need_another_version() -> None:
    kept, now = json.loads(golden.FILE.read_text("utf-8")), golden.numbers()
    message = "the numbers have changed: raise RESULTS_VERSION, then write them with python -m tests.golden"
    assert kept.keys() == now.keys(), message
    assert kept["results"] == version.RESULTS_VERSION, message
    for name, values in kept.items():
        assert now[name] == pytest.approx(values, rel=2e-3, abs=1e-5), f"{name}: {message}"


def test_cells_of_another_version_are_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = {"attack": "pgd"}
    Store(tmp_path).cell(key, lambda: 1)
    assert Store(tmp_path).cell(key, lambda: 2) == 1
    made = version.made_by() | {"torch": "1.0"}
    monkeypatch.setattr("mt_torchattacks.evaluation.store.made_by", lambda: made)
    assert Store(tmp_path).cells([(key, lambda: 3)], progress=False) == [3]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cell_says_by_what_it_was_made(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.cell({"a": 1}, lambda: 1)
    made = json.loads(store.path({"a": 1}).read_text())["made_by"]
    assert made.keys() == {"results", "torch", "torchattacks"}
    assert made["results"] == str(version.RESULTS_VERSION)
