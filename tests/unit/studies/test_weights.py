"""The grid of weights, and the search on it."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.evaluation import AttackSpec, NamedModel, Store
from mt_torchattacks.studies.weights import (
    rung_sizes,
    simplex_grid,
    weighted_total_search,
    weights_row,
)
from tests import toys
from tests.toy_data import NAMES, named_data, named_model

SPEC = AttackSpec("pgd", steps=2)


@pytest.mark.parametrize("tasks", range(1, 6))
@pytest.mark.parametrize("n", [5, 7, 10, 20])
def test_the_grid_is_the_whole_simplex(tasks: int, n: int) -> None:
    grid = list(simplex_grid(tasks, 1 / n))
    brute = [k for k in itertools.product(range(1, n + 1), repeat=tasks) if sum(k) == n]
    assert grid == [tuple(part / n for part in k) for k in brute]  # the same points in the same order
    assert len(grid) == math.comb(n - 1, tasks - 1)
    assert all(math.fsum(weights) == pytest.approx(1, abs=1e-15) for weights in grid)


def test_the_grid_of_the_paper() -> None:
    grid = list(simplex_grid(3))
    assert len(grid) == 36
    assert (grid[0], grid[-1]) == ((0.1, 0.1, 0.8), (0.8, 0.1, 0.1))
    assert {weight for weights in grid for weight in weights} == {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8}
    assert list(simplex_grid(2))[-1] == (0.9, 0.1)


@pytest.mark.parametrize(
    ("tasks", "step", "message"),
    [
        (0, 0.1, "tasks: expected a number >= 1"),
        (3, 0.3, "step: expected the inverse of a whole number"),
        (3, 0.5, "step: expected at most 1/3 for 3 tasks"),
        (3, 0.0, "step: expected a number > 0"),
        (3, 2.0, "step: expected the inverse of a whole number"),
    ],
)
def test_a_grid_that_is_not_there(tasks: int, step: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(simplex_grid(tasks, step))


def test_the_search_finds_what_evaluate_finds(tmp_path: Path) -> None:
    data, model = named_data(), named_model()
    found = weighted_total_search(Store(tmp_path), model, data, SPEC, step=0.25, rungs=1, seed=2, progress=False)
    arps = {}
    for weights in simplex_grid(3, 0.25):
        rule = mta.Weighted(dict(zip(NAMES, weights, strict=True)))
        attack = mta.PGD(model.model, data.tasks, balance=rule, **SPEC.arguments())
        torch.manual_seed(2)
        evaluation = mta.evaluate(model.model, data.tasks, data.batches, {"": attack}, progress=False)
        arps[weights] = evaluation.relative[""].total
    assert found.rungs == [(6, arps)]
    assert (found.arp, found.best) == max((arp, weights) for weights, arp in arps.items())
    attack = mta.PGD(model.model, data.tasks, balance="dgba", **SPEC.arguments())
    torch.manual_seed(2)
    evaluation = mta.evaluate(model.model, data.tasks, data.batches, {"": attack}, progress=False)
    assert found.dgba == evaluation.relative[""].total


def test_early_stopping_loses_nothing_where_all_images_are_alike(tmp_path: Path) -> None:
    data, spec = named_data(9, size=3, alike=True), AttackSpec("fgsm", eps=20 / 255)
    searches = [
        weighted_total_search(Store(tmp_path), named_model(), data, spec, step=0.1, rungs=rungs, progress=False)
        for rungs in (1, 2, 3)
    ]
    assert len(set(searches[0].rungs[0][1].values())) > 10  # the weights make a difference
    assert {search.best for search in searches} == {searches[0].best}
    assert [search.arp for search in searches] == pytest.approx([searches[0].arp] * 3)
    assert [[(count, len(found)) for count, found in search.rungs] for search in searches] == [
        [(9, 36)],
        [(3, 36), (9, 12)],
        [(1, 36), (3, 12), (9, 4)],
    ]
    assert searches[2].cost == pytest.approx((36 + 3 * 12 + 9 * 4) / (9 * 36))


def test_the_best_of_each_rung_go_on(tmp_path: Path) -> None:
    search = weighted_total_search(
        Store(tmp_path), named_model(), named_data(9), SPEC, step=0.2, rungs=2, progress=False
    )
    (_, first), (_, second) = search.rungs
    fewer = weighted_total_search(
        Store(tmp_path), named_model(), named_data(9).first(3), SPEC, step=0.2, rungs=1, progress=False
    )
    assert first == fewer.rungs[0][1]
    assert set(second) == set(sorted(first, key=lambda weights: first[weights])[-2:])
    assert search.best == max(second, key=lambda weights: second[weights])
    frame = search.to_frame()
    assert list(frame.columns) == ["images", *NAMES, "arp"]
    assert frame["images"].tolist() == [3.0] * 6 + [9.0] * 2
    assert frame.groupby("images")["arp"].apply(lambda arp: arp.is_monotonic_decreasing).all()


def test_a_search_that_was_killed_computes_the_missing_cells_only(tmp_path: Path) -> None:
    data = named_data()

    class Killed(toys.Toy):
        cells, passes = 1 + 3, 0  # the clean images, and three attacks

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            self.passes += 1
            if len(list(tmp_path.glob("*.json"))) == self.cells:
                raise KeyboardInterrupt
            return super().forward(x)

    model = Killed()
    with pytest.raises(KeyboardInterrupt):
        weighted_total_search(Store(tmp_path), NamedModel("toy", model), data, SPEC, step=0.2, rungs=1, progress=False)
    model.cells, model.passes = 99, 0
    found = weighted_total_search(
        Store(tmp_path), NamedModel("toy", model), data, SPEC, step=0.2, rungs=1, progress=False
    )
    assert model.passes == 4 * len(data.batches) * (6 + 1 - 3)  # of six weight vectors and dgba
    assert len(found.rungs[0][1]) == 6


def test_rungs() -> None:
    assert [rung_sizes(32, rungs) for rungs in (1, 2, 3, 4)] == [[32], [10, 32], [3, 10, 32], [1, 3, 10, 32]]
    with pytest.raises(ValueError, match="rungs: expected few enough"):
        rung_sizes(8, 3)
    with pytest.raises(ValueError, match="rungs: expected a number >= 1"):
        rung_sizes(8, 0)


def test_the_row_of_the_papers_table(tmp_path: Path) -> None:
    found = weighted_total_search(
        Store(tmp_path), named_model(), named_data(), SPEC, step=1 / 3, rungs=1, progress=False
    )
    row = weights_row("toy", SPEC, found)
    assert row["weights"] == "0.333:0.333:0.333 (segmentation:normal:depth)"
    assert (row["attack"], row["eps"], row["weighted total"], row["dgba"]) == ("pgd", "8", found.arp, found.dgba)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["weights", "--model", "rooms3/independent", "--attack", "fgsm", "--grid-step", "0.25", "--rungs", "1"]
    assert main([*words, "--images", "2", "--output", str(tmp_path)]) == 0
    assert "independent" in capsys.readouterr().out
    row = pd.read_csv(tmp_path / "weights.csv").iloc[0]
    grid = pd.read_csv(tmp_path / "rooms3-independent.csv")
    assert len(grid) == 3
    assert row["weighted total"] == grid["arp"].max()
    best = grid.loc[grid["arp"].idxmax()]
    assert row["weights"].startswith(f"{best['segmentation']:g}:{best['normal']:g}:{best['depth']:g} ")
