"""SPSA: its estimate against a loop, the optimum of a linear model, points outside the ball but not the range."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.attacks.query import Search
from mt_torchattacks.geometry.ball import Ball
from tests import toys
from tests.attack_cases import linear

EPS = 0.1


@pytest.mark.parametrize("per_pass", [64, 3])
def test_the_estimate_is_the_sum_of_score_differences_times_signs(per_pass: int) -> None:
    model, tasks, images, targets = linear()
    attack = mta.SPSA(model, tasks, "total", eps=EPS, max_batch_size=per_pass)
    bound = attack.bind(images, targets)
    search = Search(bound, Ball(images, EPS, math.inf, clip=(0.0, 1.0)), None, None)
    with torch.no_grad():
        found = attack._estimate(search, images, 7, torch.Generator().manual_seed(2))
        signs = attack._tiles(images, 7, torch.Generator().manual_seed(2))
        expected = torch.zeros_like(images)
        for i in range(len(images)):
            for sign in signs:
                up, down = ((images + k * attack.delta * sign).clamp(0, 1) for k in (1, -1))
                expected[i] += (bound(up)[i] - bound(down)[i]) * sign
    torch.testing.assert_close(found, expected)
    assert search.queries.tolist() == [14] * len(images)


@pytest.mark.parametrize("tile", [1, 4])
def test_signs_are_constant_on_tiles_and_only_there(tile: int) -> None:
    attack = mta.SPSA(toys.Toy(), toys.tasks(), tile=tile)
    signs = attack._tiles(torch.zeros(1, 3, 10, 7), 50, torch.Generator().manual_seed(0))
    assert signs.shape == (50, 3, 10, 7)
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    same_row = (signs[..., 1:, :] == signs[..., :-1, :]).flatten(0, 1).all(dim=0).all(dim=1)
    assert same_row.tolist() == [(row + 1) % tile != 0 for row in range(9)]


@pytest.mark.parametrize(("norm", "share"), [("Linf", 0.9), ("L2", 0.9)])
def test_the_optimum_of_a_linear_model(norm: str, share: float) -> None:
    model, tasks, images, targets = linear()
    w = model.weight.detach()
    size = (1 if norm == "Linf" else 108**-0.5) * EPS
    estimate = {"tile": 1, "nb_sample": 50, "lr": size / 4, "delta": size}
    attack = mta.SPSA(model, tasks, "total", norm=norm, eps=EPS, n_queries=1000, **estimate)
    gained = (attack(images, targets) - images).flatten(1) @ w[0]
    best = EPS * (w.abs().sum() if norm == "Linf" else w.norm())
    assert bool((gained >= share * best).all())
    assert bool((gained <= best * (1 + 1e-4)).all())


@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_points_may_leave_the_ball_but_not_the_range_and_the_result_neither(norm: str) -> None:
    images, targets = toys.batch()
    seen = []

    class Watching(toys.Toy):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            seen.append(x)
            return super().forward(x)

    eps = 0.005 if norm == "Linf" else 0.1
    adversarial = mta.SPSA(Watching(), toys.tasks(), norm=norm, eps=eps, n_queries=63)(images, targets)
    assert all(float(x.min()) >= 0 and float(x.max()) <= 1 for x in seen)
    points = seen[1].reshape(len(images), 20, *images.shape[1:])
    assert float((points - images.unsqueeze(1)).abs().max()) == pytest.approx(0.01, abs=1e-6)
    order = math.inf if norm == "Linf" else 2
    assert bool(((adversarial - images).flatten(1).norm(order, dim=1) <= eps * (1 + 1e-5)).all())
