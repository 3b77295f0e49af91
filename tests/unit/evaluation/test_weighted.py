"""The grid of weights, and the search on it."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.evaluation import AttackSpec, NamedModel, Store
from mt_torchattacks.studies import simplex_grid, weighted_total_search, weights_row
from mt_torchattacks.studies.weights import rung_sizes
from tests import toys
from tests.unit.evaluation.toy_scenes import NAMES, scenes, subject

PLAN = AttackSpec("pgd", steps=2)


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
    data, model = scenes(), subject()
    found = weighted_total_search(Store(tmp_path), model, data, PLAN, step=0.25, rungs=1, seed=2, progress=False)
    arps = {}
    for weights in simplex_grid(3, 0.25):
        rule = mta.Weighted(dict(zip(NAMES, weights, strict=True)))
        attack = mta.PGD(model.model, data.tasks, balance=rule, **PLAN.arguments())
        torch.manual_seed(2)
        evaluation = mta.evaluate(model.model, data.tasks, data.batches, {"": attack}, progress=False)
        arps[weights] = evaluation.relative[""].total
    assert found.rungs == [(6, arps)]
    assert (found.arp, found.best) == max((arp, weights) for weights, arp in arps.items())
    attack = mta.PGD(model.model, data.tasks, balance="dgba", **PLAN.arguments())
    torch.manual_seed(2)
    evaluation = mta.evaluate(model.model, data.tasks, data.batches, {"": attack}, progress=False)
    assert found.dgba == evaluation.relative[""].total


def test_early_stopping_loses_nothing_where_all_scenes_are_alike(tmp_path: Path) -> None:
    data, plan = scenes(9, size=3, alike=True), AttackSpec("fgsm", eps=20)
    searches = [
        weighted_total_search(Store(tmp_path), subject(), data, plan, step=0.1, rungs=rungs, progress=False)
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
    search = weighted_total_search(Store(tmp_path), subject(), scenes(9), PLAN, step=0.2, rungs=2, progress=False)
    (_, first), (_, second) = search.rungs
    fewer = weighted_total_search(
        Store(tmp_path), subject(), scenes(9).first(3), PLAN, step=0.2, rungs=1, progress=False
    )
    assert first == fewer.rungs[0][1]
    assert set(second) == set(sorted(first, key=lambda weights: first[weights])[-2:])
    assert search.best == max(second, key=lambda weights: second[weights])
    frame = search.to_frame()
    assert list(frame.columns) == ["scenes", *NAMES, "arp"]
    assert frame["scenes"].tolist() == [3.0] * 6 + [9.0] * 2
    assert frame.groupby("scenes")["arp"].apply(lambda arp: arp.is_monotonic_decreasing).all()


def test_a_search_that_was_killed_computes_the_missing_cells_only(tmp_path: Path) -> None:
    data = scenes()

    class Killed(toys.Toy):
        cells, passes = 4, 0

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            self.passes += 1
            if len(list(tmp_path.glob("*.json"))) == self.cells:
                raise KeyboardInterrupt
            return super().forward(x)

    model = Killed()
    with pytest.raises(KeyboardInterrupt):
        weighted_total_search(Store(tmp_path), NamedModel("toy", model), data, PLAN, step=0.2, rungs=1, progress=False)
    model.cells, model.passes = 99, 0
    found = weighted_total_search(
        Store(tmp_path), NamedModel("toy", model), data, PLAN, step=0.2, rungs=1, progress=False
    )
    assert model.passes == 5 * len(data.batches) * (6 + 1 - 4)  # of six weight vectors and dgba
    assert len(found.rungs[0][1]) == 6


def test_rungs() -> None:
    assert [rung_sizes(32, rungs) for rungs in (1, 2, 3, 4)] == [[32], [10, 32], [3, 10, 32], [1, 3, 10, 32]]
    with pytest.raises(ValueError, match="rungs: expected few enough"):
        rung_sizes(8, 3)
    with pytest.raises(ValueError, match="rungs: expected a number >= 1"):
        rung_sizes(8, 0)


def test_the_row_of_the_papers_table(tmp_path: Path) -> None:
    found = weighted_total_search(Store(tmp_path), subject(), scenes(), PLAN, step=1 / 3, rungs=1, progress=False)
    row = weights_row("toy", PLAN, found)
    assert row["weights"] == "0.333:0.333:0.333 (segmentation:normal:depth)"
    assert (row["attack"], row["eps"], row["weighted total"], row["dgba"]) == ("pgd", "8", found.arp, found.dgba)
