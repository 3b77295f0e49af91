"""Square Attack against the paper: its schedule, its shapes, its moves, and the optimum of a linear model."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.attacks.square import _Draw, _moved_window, _peaks, _square, share_of_pixels
from mt_torchattacks.geometry.ball import Ball
from mt_torchattacks.studies.queries import NOISE, _references
from tests import toys
from tests.attack_cases import linear

EPS = 0.1


# Section 4 of the paper: p is halved after 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000 of 10000 iterations.
PUBLISHED = [(10, 1), (50, 2), (200, 4), (500, 8), (1000, 16), (2000, 32), (4000, 64), (6000, 128), (8000, 256)]


def test_the_published_schedule() -> None:
    for last, divisor in PUBLISHED:
        assert share_of_pixels(last, 10000, 0.8) == 0.8 / divisor
        assert share_of_pixels(last + 1, 10000, 0.8) == 0.8 / (2 * divisor)
    assert share_of_pixels(9999, 10000, 0.05) == 0.05 / 512


def test_the_schedule_is_stretched_to_the_queries_unless_told_otherwise() -> None:
    for i in range(1, 500):
        assert share_of_pixels(i, 500, 0.8) == share_of_pixels(20 * i, 10000, 0.8)
    attack = mta.Square(toys.Toy(), toys.tasks(), n_queries=500, resc_schedule=False)
    x = torch.zeros(1, 3, 64, 64)
    assert [attack._side(i, x) for i in (10, 11, 300)] == [round(math.sqrt(p) * 64) for p in (0.8, 0.4, 0.1)]


def test_sides_fit_the_image_and_are_odd_for_l2() -> None:
    attack = mta.Square(toys.Toy(), toys.tasks(), n_queries=10000)
    sides = [attack._side(i, torch.zeros(1, 3, 40, 20)) for i in (1, 200, 9999)]
    assert sides == [20, 13, 1]  # sqrt(0.8 * 800) = 25.3 does not fit; sqrt(0.2 * 800) = 12.6; sqrt(1.25) = 1.1
    attack.norm = "L2"
    assert [attack._side(i, torch.zeros(1, 3, 64, 64)) for i in (1, 60, 9999)] == [57, 29, 3]


@pytest.mark.parametrize("side", [1, 2, 3, 4, 7, 12, 29])
def test_the_shape_of_a_square_is_that_of_equation_2(side: int) -> None:
    def eta(rows: int, columns: int) -> np.ndarray:
        n, found = columns // 2, np.zeros((rows, columns))
        for r in range(1, rows + 1):
            for s in range(1, columns + 1):
                last = n - max(abs(r - rows // 2 - 1), abs(s - columns // 2 - 1))
                found[r - 1, s - 1] = sum(1 / (n + 1 - k) ** 2 for k in range(last + 1))
        return found

    half = side // 2
    expected = np.concatenate([eta(half, side), -eta(side - half, side)])
    np.testing.assert_allclose(_peaks(side).numpy(), expected / np.sqrt((expected**2).sum()), atol=1e-12)


def draw(x: Tensor, side: int, seed: int = 3) -> _Draw:
    return _Draw(x, side, torch.Generator().manual_seed(seed))


def test_a_square_sets_each_channel_of_a_window_to_the_ends_of_the_ball() -> None:
    g = torch.Generator().manual_seed(1)
    images = torch.rand(4, 3, 12, 12, generator=g)
    ball = Ball(images, EPS, math.inf, clip=(0.0, 1.0))
    x = ball.random_point(g)
    chosen = draw(x, 5)
    found = _square(ball, x, chosen)
    inside = torch.zeros(12, 12, dtype=torch.bool)
    inside[chosen.window] = True
    assert int(inside.sum()) == 25
    assert torch.equal(found[..., ~inside], x[..., ~inside])
    ends = torch.where(chosen.signs > 0, images + EPS, images - EPS).clamp(0, 1)
    assert torch.equal(found[..., inside], ends[..., inside])


@pytest.mark.parametrize("seed", range(4))
def test_a_moved_window_is_that_of_algorithm_3(seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    images = 0.5 + torch.zeros(2, 3, 9, 9, dtype=torch.float64)
    delta = torch.randn(images.shape, generator=g, dtype=torch.float64)
    delta *= torch.tensor([0.03, EPS]).reshape(2, 1, 1, 1) / delta.flatten(1).norm(dim=1).reshape(2, 1, 1, 1)
    ball = Ball(images, EPS, 2.0, clip=(0.0, 1.0))
    chosen = draw(images, 3, seed)
    found = (_moved_window(ball, images + delta, chosen) - images).numpy()
    rows, columns = chosen.window[1:]
    other_rows, other_columns = chosen.other[1:]
    shape = _peaks(3).numpy()
    for sample in range(2):
        v = delta[sample].numpy().copy()
        union = np.zeros((9, 9), dtype=bool)
        union[rows, columns] = union[other_rows, other_columns] = True
        unused = EPS**2 - (v**2).sum()
        for channel in range(3):
            available = math.sqrt((v[channel][union] ** 2).sum() + unused / 3)
            window = v[channel, rows, columns]
            sign = float(chosen.signs[channel, 0, 0])
            new = sign * (shape if chosen.upright else shape.T) + window / np.sqrt((window**2).sum())
            v[channel, other_rows, other_columns] = 0
            v[channel, rows, columns] = new / np.sqrt((new**2).sum()) * available
        np.testing.assert_allclose(found[sample], v, atol=1e-8)
        assert math.sqrt((found[sample] ** 2).sum()) == pytest.approx(EPS, abs=1e-9)  # all of the budget is used


def test_windows_reach_every_place() -> None:
    g = torch.Generator().manual_seed(0)
    x = torch.zeros(1, 3, 5, 6)
    corners = {(d.window[1].start, d.window[2].start) for d in (_Draw(x, 4, g) for _ in range(200))}
    assert corners == {(top, left) for top in range(2) for left in range(3)}


def test_the_optimum_of_a_linear_model_linf() -> None:
    model, tasks, images, targets = linear()
    w = model.weight.detach().reshape(3, 6, 6)
    adversarial = mta.Square(model, tasks, "total", eps=EPS, n_queries=1000)(images, targets)
    gained = ((adversarial - images) * w).flatten(1).sum(1)
    assert bool((gained >= 0.99 * EPS * w.abs().sum()).all())


def test_most_of_the_optimum_of_a_linear_model_l2() -> None:
    """Peaked shapes cannot follow weights that are random in each pixel all the way."""
    model, tasks, images, targets = linear()
    w = model.weight.detach()
    adversarial = mta.Square(model, tasks, "total", norm="L2", eps=EPS, n_queries=500)(images, targets)
    gained = (adversarial - images).flatten(1) @ w[0]
    assert bool((gained >= 0.55 * EPS * w.norm()).all())


def test_the_result_is_in_the_ball_to_the_last_bit() -> None:
    images, targets = toys.batch()
    model, tasks, eps = toys.Toy(), toys.tasks(), 8 / 255
    adversarial = mta.Square(model, tasks, eps=eps, n_queries=100)(images, targets)
    low, high = (images - eps).clamp(0, 1), (images + eps).clamp(0, 1)
    assert bool(((adversarial == low) | (adversarial == high)).all())
    near = mta.Square(model, tasks, norm="L2", eps=0.5, n_queries=100)(images, targets)
    assert bool(((near - images).flatten(1).double().norm(dim=1) <= 0.5 * (1 + 1e-6)).all())
    assert near.min() >= 0 and near.max() <= 1


def test_restarts_keep_each_samples_best() -> None:
    images, targets = toys.batch()
    model, tasks = toys.Toy(), toys.tasks()
    judge = mta.Objective(model, tasks, "dgba").bind(images, targets)
    once, more = (mta.Square(model, tasks, n_queries=20, n_restarts=n)(images, targets) for n in (1, 4))
    with torch.no_grad():
        assert bool((judge(more) >= judge(once)).all())
        assert bool((judge(more) > judge(once)).any())


@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_it_beats_noise_on_the_zoo(norm: str) -> None:
    """The full number, on 64 rooms at two sizes, is in docs/queries.md."""
    images, targets = mta.data.Rooms(length=8, seed=1).render(range(8))
    model, tasks = mta.models.zoo("rooms3/all-shared"), toys.tasks().only(["segmentation", "normal", "depth"])
    eps = 8 / 255 * (1 if norm == "Linf" else images[0].numel() ** 0.5)
    attack = mta.Square(model, tasks, norm=norm, eps=eps, n_queries=60)
    judge = attack.bind(images, targets)
    references = _references(attack, steps=1)
    with torch.no_grad():
        noise = torch.stack([judge(references[name](images, targets)) for name in NOISE]).amax(dim=0)
        found = judge(attack(images, targets))
    assert int((found > noise).sum()) == 8
