"""Cells that are computed once, whatever happens in between."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed

from mt_torchattacks.evaluation import Store, fingerprint
from mt_torchattacks.evaluation.processes import joined, processes

KEYS = [{"attack": attack, "eps": eps} for attack in ("pgd", "apgd") for eps in (4, 8)]


class Computed(list[Any]):
    """Counts what is computed, and is killed at a given cell."""

    def __init__(self, killed_at: int | None = None) -> None:
        super().__init__()
        self.killed_at = killed_at

    def cells(self) -> list[tuple[dict[str, Any], Callable[[], Any]]]:
        return [(key, partial(self.compute, key)) for key in KEYS]

    def compute(self, key: dict[str, Any]) -> dict[str, float]:
        if len(self) == self.killed_at:
            raise KeyboardInterrupt
        self.append(key)
        return {"arp": 10.0 * key["eps"]}


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    first, second, third = Computed(killed_at=2), Computed(), Computed()
    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path).cells(first.cells(), progress=False)
    assert first == KEYS[:2]
    values = Store(tmp_path).cells(second.cells(), progress=False)
    assert second == KEYS[2:]
    assert values == [{"arp": 40.0}, {"arp": 80.0}, {"arp": 40.0}, {"arp": 80.0}]
    assert Store(tmp_path).cells(third.cells(), progress=False) == values
    assert third == []
    assert len(list(tmp_path.iterdir())) == 4  # nothing else is left behind


def test_every_part_of_the_key_counts_and_its_order_does_not(tmp_path: Path) -> None:
    store = Store(tmp_path)
    key = {"model": "rooms3/all-shared", "eps": 8, "weights": {"depth": 0.1}}
    changed = [key | {"model": "rooms3-all-shared"}, key | {"eps": 8.0}, key | {"weights": {"depth": 0.2}}]
    paths = {store.path(k) for k in (key, *changed, {k: key[k] for k in ("model", "eps")})}
    assert len(paths) == 5
    store.cell(key, lambda: 1)
    assert store.cell({"eps": 8, "weights": {"depth": 0.1}, "model": "rooms3/all-shared"}, lambda: 2) == 1
    assert store.path(key).name.startswith("rooms3-all-shared-8-depth-0.1-")


def test_a_value_is_the_same_computed_or_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    value = {"pair": (1, 2), "number": 0.1 + 0.2}
    assert store.cell({"a": 1}, lambda: value) == store.cell({"a": 1}, lambda: None) == value | {"pair": [1, 2]}


@pytest.mark.parametrize("cut", [0, 5, 40, -5])
def test_a_truncated_cell_is_named_and_computed_again(tmp_path: Path, cut: int) -> None:
    store = Store(tmp_path)
    store.cells(Computed().cells(), progress=False)
    path = store.path(KEYS[1])
    path.write_text(path.read_text()[:cut])
    with pytest.warns(UserWarning, match=f"{path.name}: not a whole cell"):
        assert len(store.to_frame()) == 3
    computed = Computed()
    with pytest.warns(UserWarning, match=f"{path.name}: not a whole cell"):
        store.cells(computed.cells(), progress=False)
    assert computed == [KEYS[1]]
    assert len(store.to_frame()) == 4


def test_a_cell_under_another_ones_name_is_not_taken_for_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.cell(KEYS[0], lambda: 1)
    store.path(KEYS[0]).rename(store.path(KEYS[1]))
    with pytest.warns(UserWarning, match="not a whole cell"):
        assert store.cell(KEYS[1], lambda: 2) == 2


WRITER = """
import os, signal, sys, time
from pathlib import Path
from mt_torchattacks.evaluation import Store

folder, killed = sys.argv[1], sys.argv[2] == "killed"
if killed:
    Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # all is written, but not yet in its place
Store(folder).cells([({"n": n}, lambda n=n: [n] * 1000) for n in range(100)], progress=False)
"""


def writer(folder: Path, how: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(folder), how], cwd=Path(__file__).parents[3])


def test_what_a_killed_process_was_writing_is_not_taken_for_a_cell(tmp_path: Path) -> None:
    assert writer(tmp_path, "killed").wait(100) == -signal.SIGKILL
    assert {path.name[0] for path in tmp_path.iterdir()} == {"."}  # half of the cell, and the claim on it
    store = Store(tmp_path)
    assert store.to_frame().empty
    assert store.cell({"n": 0}, lambda: "computed again") == "computed again"


def test_two_processes_on_one_folder(tmp_path: Path) -> None:
    assert [process.wait(100) for process in [writer(tmp_path, "whole"), writer(tmp_path, "whole")]] == [0, 0]
    assert len(list(tmp_path.iterdir())) == 100
    assert Store(tmp_path).to_frame()["value"].map(len).tolist() == [1000] * 100


def test_two_at_work_on_one_cell_compute_it_once(tmp_path: Path) -> None:
    computed = []

    def compute() -> dict[str, float]:
        computed.append(1)
        time.sleep(0.3)
        return {"arp": 3.0}

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: Store(tmp_path).cell(KEYS[0], compute), range(4)))
    assert found == [{"arp": 3.0}] * 4
    assert computed == [1]


def test_the_cells_after_one_that_fails_are_computed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    computed = Computed()
    cells = [(KEYS[0], lambda: 1 / 0), *computed.cells()[1:]]
    with pytest.raises(ZeroDivisionError):
        Store(tmp_path).cells(cells)
    assert computed == KEYS[1:]
    assert "[1/4] " in (printed := capsys.readouterr().err)
    assert "failed: ZeroDivisionError: division by zero" in printed
    again = Computed()
    Store(tmp_path).cells(again.cells(), progress=False)
    assert again == KEYS[:1]


def test_frame(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.cell({"attack": "pgd", "eps": 4}, lambda: {"arp": {"depth": 1.5, "total": 2.0}})
    store.cell({"attack": "apgd", "eps": 8}, lambda: {"arp": {"depth": 2.5, "total": 3.0}, "seconds": 1})
    (tmp_path / f".{store.path(KEYS[0]).name}.x1").write_text("half of a cell that was being written")
    frame = store.to_frame()
    assert list(frame.columns) == ["attack", "eps", "arp/depth", "arp/total", "seconds"]
    assert frame["arp/total"].tolist() == [3.0, 2.0]
    store.cell({"n": 1}, lambda: [1, 2])
    assert store.to_frame()["value"].tolist()[0] == [1, 2]
    assert Store(tmp_path / "nowhere").to_frame().empty


def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(TypeError, match="key: expected what JSON can hold"):
        store.cell({"model": torch.nn.Identity()}, lambda: 1)
    with pytest.raises(ValueError, match=r"the value of a-.*json: expected what JSON can hold"):
        store.cell({"name": "a"}, lambda: float("nan"))
    with pytest.raises(TypeError, match="key: expected a mapping"):
        store.cell("a", lambda: 1)  # type: ignore[arg-type]
    store.cell({"arp": 1}, lambda: {"arp": 2})
    with pytest.raises(ValueError, match="other names in the value"):
        store.to_frame()


def test_a_fingerprint_sees_values_names_shapes_and_types() -> None:
    half = torch.tensor([1.0, 2.0], dtype=torch.bfloat16)
    variants = [
        {"a": half},
        {"b": half},
        {"a": half.float()},
        {"a": half.reshape(2, 1)},
        {"a": half.flip(0)},
        {"a": half, "n": torch.tensor(1)},
    ]
    prints = [fingerprint(variant) for variant in variants]
    assert len(set(prints)) == len(variants)
    assert fingerprint({"a": half.clone().requires_grad_()}) == prints[0]
    columns = torch.rand(2, 3, generator=torch.Generator().manual_seed(0))
    assert fingerprint([columns.T]) == fingerprint([columns.T.contiguous()])


def test_a_line_of_progress_tells_cells_apart_by_their_attack_s_arguments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys: list[dict[str, Any]] = [
        {"model": "m", "arguments": {"steps": steps}, "seed": 0, "data": "rooms", "images": 3} for steps in (10, 300)
    ]
    Store(tmp_path).cells([(key, lambda: 1) for key in keys])
    said = capsys.readouterr().err
    assert "m seed=0 steps=10" in said
    assert "m seed=0 steps=300" in said
    assert "rooms" not in said


def test_a_process_of_a_group_is_alone_unless_it_has_joined(tmp_path: Path) -> None:
    """The first process of somebody's training measures by itself; nobody waits for it."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(distributed, "get_world_size", lambda: 2)
            patch.setattr(distributed, "broadcast_object_list", lambda *given, **named: pytest.fail("it waits"))
            assert Store(tmp_path).cell({"a": 1}, lambda: 1) == 1
            assert Store(tmp_path).cells([({"a": 2}, lambda: 2)], progress=False) == [2]
            assert processes() == (0, 1)
        with joined() as process:
            assert (process, processes()) == (0, (0, 1))
        assert distributed.is_initialized()  # it was not ours to end
    finally:
        distributed.destroy_process_group()
