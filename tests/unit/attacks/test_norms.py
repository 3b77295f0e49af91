"""Norms, radii by channel and pixel ranges: the ball, the L1 projection, and every attack in other units."""

from __future__ import annotations

import inspect
import math
import re
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import example, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.attacks import ATTACKS, attack_class
from mt_torchattacks.attacks.auto_pgd import SparseSteps
from mt_torchattacks.attacks.best import BestOf
from mt_torchattacks.geometry import l1
from mt_torchattacks.geometry.ball import NORMS, Ball, along, length, steepest
from mt_torchattacks.geometry.box import Box
from tests import toys
from tests.attack_cases import ALL, EPS, make

PAGE = Path(__file__).parents[3] / "docs" / "norms.md"
LENGTHS = ("eps", "max_epsilon", "alpha", "noise_sd", "delta", "lr")
PER_CHANNEL = [name for name in ALL if attack_class(name).per_channel]


def knapsack(gradient: np.ndarray, radius: float, room: np.ndarray) -> np.ndarray:
    """The displacement of L1 norm <= radius and size <= room that is best for a linear loss, pixel by pixel."""
    found, left = np.zeros_like(gradient), radius
    for i in np.argsort(-np.abs(gradient), kind="stable"):
        found[i] = np.sign(gradient[i]) * min(left, room[i])
        left -= abs(found[i])
    return found


def bisected(delta: np.ndarray, radius: float, room: np.ndarray) -> np.ndarray:
    """The projection by halving an interval for what all sizes are shrunk by."""
    low, high = 0.0, np.abs(delta).max()
    sizes = np.minimum(np.abs(delta), room)
    for _ in range(200 if sizes.sum() > radius else 0):
        middle = (low + high) / 2
        sizes = np.clip(np.abs(delta) - middle, 0, room)
        low, high = (middle, high) if sizes.sum() > radius else (low, middle)
    return np.sign(delta) * sizes


PIXEL = st.tuples(
    st.floats(-3, 3) | st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]),
    st.floats(0, 1) | st.sampled_from([0.0, 0.25, 1.0]),
)


@hypothesis.given(
    pixels=st.lists(PIXEL, min_size=1, max_size=24), radius=st.floats(1e-9, 8) | st.sampled_from([0.5, 1.0, 2.0])
)
@example(pixels=[(1.0, 0.5), (1.0, 0.5)], radius=1.0)  # the box has just room for the radius
@example(pixels=[(0.0, 0.0), (0.0, 1.0)], radius=1.0)
@example(pixels=[(2.0, 0.0), (-2.0, 0.0)], radius=0.5)  # no room at all
@example(pixels=[(0.5, 1.0)] * 4, radius=1.0)  # all equal
@settings(max_examples=50, deadline=None)
def test_l1_projection_is_the_nearest_point(pixels: list[tuple[float, float]], radius: float) -> None:
    delta, room = (np.array(values) for values in zip(*pixels, strict=True))
    tensors = [torch.tensor(values).reshape(1, 1, 1, -1) for values in (delta, room)]
    found = l1.project(tensors[0], radius, tensors[1]).flatten().numpy()
    np.testing.assert_allclose(found, bisected(delta, radius, room), rtol=0, atol=1e-12)
    assert np.abs(found).sum() <= radius + 1e-12
    assert (np.abs(found) <= room).all()
    # p is the nearest point of a convex set to y if, and only if, no point of the set is further along y - p than p is.
    outward = delta - found
    directed = np.where(np.sign(outward) == np.sign(delta), room, 0)  # the set's other side never counts: 0 is in it
    assert outward @ knapsack(outward, radius, directed) <= outward @ found + 1e-9


def test_l1_projection_of_a_batch_is_a_quadratic_programs() -> None:
    g = torch.Generator().manual_seed(0)
    images = torch.rand(4, 1, 2, 3, generator=g, dtype=torch.float64)
    images[0, 0, 0], images[1, 0, 1] = 0.0, 1.0
    x = images + torch.randn(images.shape, generator=g, dtype=torch.float64)
    eps = torch.tensor([0.3, 0.9, 1.5, 9.0], dtype=torch.float64).reshape(4, 1, 1, 1)
    found = Ball(images, eps, norm=1, clip=(0.0, 1.0)).project(x)
    for i in range(4):
        clean, point, radius = images[i].flatten().numpy(), x[i].flatten().numpy(), float(eps[i])
        # z = clean + up - down with up, down >= 0 makes the norm linear.
        bounds = [*zip(np.zeros(6), 1 - clean, strict=True), *zip(np.zeros(6), clean, strict=True)]
        result = scipy.optimize.minimize(
            lambda v, clean=clean, point=point: ((clean + v[:6] - v[6:] - point) ** 2).sum(),
            np.full(12, 0.01), bounds=bounds, method="SLSQP", options={"maxiter": 500, "ftol": 1e-14},
            constraints={"type": "ineq", "fun": lambda v, radius=radius: radius - v.sum()},
        )  # fmt: skip
        np.testing.assert_allclose(found[i].flatten(), clean + result.x[:6] - result.x[6:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_l1_steps(dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(1)
    gradient = torch.randn(3, 3, 4, 5, generator=g, dtype=dtype)
    room = torch.rand(3, 3, 4, 5, generator=g, dtype=dtype)
    radius = torch.tensor([0.3, 2.0, 100.0], dtype=dtype).reshape(3, 1, 1, 1)
    found = l1.steepest(gradient, radius, room)
    signs = l1.largest_signs(gradient, torch.tensor([1.0, 7.6, 60.0]))
    for i in range(3):
        arrays = [value[i].flatten().numpy() for value in (gradient, room)]
        np.testing.assert_allclose(found[i].flatten(), knapsack(arrays[0], float(radius[i]), arrays[1]), atol=1e-6)
        largest = np.argsort(-np.abs(arrays[0]))[: (1, 7, 60)[i]]
        expected = np.zeros(60)
        expected[largest] = np.sign(arrays[0][largest]) / len(largest)
        np.testing.assert_allclose(signs[i].flatten(), expected, atol=1e-7)


def test_sparse_steps_follow_the_paper() -> None:
    """0.2 d pixels at first, then those changed in the best iterate / 1.5; the size restarts or shrinks to a tenth."""
    images = torch.full((2, 1, 10, 10), 0.5, dtype=torch.float64)
    gradient = torch.randn(images.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    best = BestOf(images, torch.zeros(2), gradient)
    walk = SparseSteps(Ball(images, 3.0, norm=1.0, clip=(0.0, 1.0)), best, steps=50, step_size=3.0)
    x = walk.step(images, gradient)
    largest = gradient.abs() >= gradient.abs().flatten(1).topk(20).values[:, -1].reshape(2, 1, 1, 1)
    torch.testing.assert_close(x - images, 3 / 20 * largest * gradient.sign())
    assert walk.after_step(torch.ones(2, dtype=torch.bool), best) is None  # a checkpoint every 2 of 50 steps
    best.images = torch.stack([x[0], images[1] + 0.1])  # the first has become sparser: 20 of 100 changed
    sparser = walk.after_step(torch.ones(2, dtype=torch.bool), best)
    assert sparser is not None and sparser.tolist() == [True, False]
    assert (walk.count * 1.5).tolist() == pytest.approx([20, 100])
    assert walk.sizes.flatten().tolist() == pytest.approx([3, 2])
    for _ in range(20):
        walk.after_step(torch.ones(2, dtype=torch.bool), best)
    assert walk.sizes.flatten().tolist() == pytest.approx([0.3, 0.3])


@hypothesis.given(
    norm=st.sampled_from([math.inf, 2.0, 1.0, 1.5]),
    eps=st.sampled_from([1e-9, 0.01, 0.3, 5.0]),
    seed=st.integers(0, 999),
    spread=st.sampled_from([0.0, 0.1, 3.0]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
@settings(max_examples=50, deadline=None)
def test_projections_stay_in_the_ball_and_the_box(
    norm: float, eps: float, seed: int, spread: float, dtype: torch.dtype
) -> None:
    g = torch.Generator().manual_seed(seed)
    images = (torch.rand(3, 2, 3, 4, generator=g, dtype=dtype) * 1.6 - 0.3).clamp(0, 1)
    x = images + spread * torch.randn(images.shape, generator=g, dtype=dtype)
    ball = Ball(images, eps, norm, clip=(0.0, 1.0))
    found = ball.project(x)
    rounding = 100 * torch.finfo(dtype).eps + 1e-11  # torchattacks adds 1e-12 to lengths
    assert found.min() >= 0 and found.max() <= 1
    assert bool((length(found - images, norm) <= eps * (1 + 1e-5) + rounding).all())
    torch.testing.assert_close(ball.project(found), found, rtol=0, atol=rounding)
    inside = images + (found - images) / 2
    torch.testing.assert_close(ball.project(inside), inside, rtol=0, atol=rounding)
    if norm == math.inf:
        nearest = torch.minimum(torch.maximum(x, (images - eps).clamp(0, 1)), (images + eps).clamp(0, 1))
        torch.testing.assert_close(found, nearest, rtol=0, atol=rounding)
    if norm == 2:
        delta = x - images
        size = delta.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
        nearest = torch.where(size > eps, images + eps * delta / size.clamp_min(1e-30), x)
        torch.testing.assert_close(Ball(images, eps, norm).project(x), nearest, rtol=0, atol=1e-5)


@pytest.mark.parametrize("norm", [1.0, 2.0, math.inf])
def test_random_points_are_where_they_are_said_to_be(norm: float) -> None:
    images, d = torch.full((4000, 1, 2, 2), 0.5, dtype=torch.float64), 4
    ball = Ball(images, eps=0.2, norm=norm)
    share = (length(ball.random_point(torch.Generator().manual_seed(0)) - images, norm) / 0.2).flatten() ** d
    even = torch.arange(1, 4001) / 4000
    assert (share.sort().values - even).abs().max() < 1.63 / 4000**0.5  # uniform: Kolmogorov-Smirnov at 1 %
    surface = ball.surface_point(torch.Generator().manual_seed(0)) - images
    torch.testing.assert_close(length(surface, norm), torch.full((4000, 1, 1, 1), 0.2, dtype=torch.float64))
    assert abs(float(surface.mean())) < 0.01
    clipped = Ball(images * 0, 0.2, norm, clip=(0.0, 1.0), mask=(images > 0) & (torch.arange(2) == 1))
    for point in (clipped.random_point, clipped.surface_point):
        found = point(torch.Generator().manual_seed(0))
        assert found.min() == 0 and found[..., 1].max() > 0.1
        assert not found[..., 0].any()


def test_steps_along_small_and_zero_directions() -> None:
    direction = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    for norm in (1.5, 2.0):
        expected = along(direction, 0.3, norm)
        torch.testing.assert_close(length(expected, norm), torch.full((2, 1, 1, 1), 0.3))
        for tiny in (1e-12, 1e-25, 1e-37):
            torch.testing.assert_close(along(direction * tiny, 0.3, norm), expected, rtol=1e-4, atol=1e-6)
    for norm in (1.0, 1.5, 2.0, math.inf):
        assert not steepest(torch.zeros(1, 1, 2, 2), norm).any()
    assert not l1.largest_signs(torch.zeros(1, 1, 2, 2), torch.ones(1)).any()


@pytest.mark.parametrize("norm", ["Linf", "L2", "L1"])
def test_apgd_in_every_norm(norm: str) -> None:
    """In the ball, worse than its start, in float64, and for each sample what it is alone."""
    model, (images, targets) = toys.Toy().double(), toys.batch()
    images, eps = images.double(), {"Linf": EPS, "L2": 1.0, "L1": 6.0}[norm]
    attack = mta.APGD(model, toys.tasks(), norm=norm, eps=eps, steps=12, random_start=False)
    together = attack(images, targets)
    assert bool((length(together - images, NORMS[norm]) <= eps * (1 + 1e-9)).all())
    assert together.dtype == torch.float64 and together.min() >= 0 and together.max() <= 1
    bound = mta.Objective(model, toys.tasks()).bind(images, targets)
    assert bool((bound(together) > 0.05).all())
    for i in range(len(images)):
        alone = attack(images[i : i + 1], {key: t[i : i + 1] for key, t in targets.items()})
        torch.testing.assert_close(alone[0], together[i], rtol=0, atol=1e-12)
    if norm == "L1":
        assert (together != images).flatten(1).double().mean() < 0.2  # sparse


@pytest.mark.parametrize("norm", ["Linf", "L2", "L1"])
@pytest.mark.parametrize("eps", [1e-12, 0.5])
def test_a_sample_without_gradient_and_tiny_radii(norm: str, eps: float) -> None:
    class Flat(toys.Toy):
        """Does not depend on the second image."""

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            alive = (torch.arange(len(x)) != 1).to(x.dtype)
            return {k: v * alive.reshape(-1, *[1] * (v.ndim - 1)) + 1e-3 for k, v in super().forward(x).items()}

    images, targets = toys.batch()
    found = mta.APGD(Flat().double(), toys.tasks(), norm=norm, eps=eps, steps=5)(images.double(), targets)
    assert bool(torch.isfinite(found).all())
    assert bool((length(found - images.double(), NORMS[norm]) <= eps * (1 + 1e-6) + 1e-15).all())


class Rescaling(nn.Module):
    """A model of images within bounds, from one of images in [0, 1]."""

    def __init__(self, inner: nn.Module, bounds: Any) -> None:
        super().__init__()
        self.inner = inner
        self.low, self.high = (torch.as_tensor(value, dtype=torch.float64).reshape(1, -1, 1, 1) for value in bounds)

    def pixels(self, u: Tensor) -> Tensor:
        """Images within the bounds from images in [0, 1]."""
        return (self.low + (self.high - self.low) * u).to(u.dtype)

    def forward(self, x: Tensor) -> Any:
        return self.inner(((x - self.low) / (self.high - self.low)).to(x.dtype))


def lengths(name: str, size: float | Tensor) -> dict[str, Any]:
    """The attack's arguments that are lengths, for another range of pixels."""
    takes = inspect.signature(getattr(mta, name)).parameters
    radius = 1.0 if attack_class(name).traits.norm == "L2" else EPS
    given = {key: radius if key in LENGTHS[:2] else takes[key].default for key in LENGTHS if key in takes}
    return {key: value * size for key, value in given.items()}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("bounds", [(0, 255), (-1.0, 1.0)])
def test_other_bounds_give_the_attack_on_rescaled_images(name: str, bounds: tuple[float, float]) -> None:
    inner, (images, targets) = toys.Toy().double(), toys.batch()
    model, images = Rescaling(inner, bounds), images.double()
    torch.manual_seed(0)
    expected = model.pixels(make(name, inner)(images, targets))
    torch.manual_seed(0)
    attack = make(name, model.eval(), bounds=bounds, **lengths(name, bounds[1] - bounds[0]))
    found = attack(model.pixels(images), targets)
    assert bounds[0] <= found.min() and found.max() <= bounds[1]
    wrong = ((found - expected).abs() > 1e-5 * (bounds[1] - bounds[0])).double().mean()
    assert wrong <= (1e-2 if attack.traits.float32 else 1e-3)  # signs of gradients that are zero but for rounding
    assert not torch.equal(expected, model.pixels(images))


MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
NORMALIZED = tuple(tuple((value - m) / s for m, s in zip(MEAN, STD, strict=True)) for value in (0, 1))


@pytest.mark.parametrize("name", ["PGD", "MIFGSM", "PIFGSM", "APGD"])
def test_hosts_take_radii_that_are_the_same_share_of_each_channels_range(name: str) -> None:
    """Normalized images without ``set_normalization_used``: bounds and radii by channel."""
    inner, (images, targets) = toys.Toy().double(), toys.batch()
    model, images = Rescaling(inner, NORMALIZED), images.double()
    torch.manual_seed(0)
    expected = model.pixels(make(name, inner)(images, targets))
    torch.manual_seed(0)
    given = {key: value.float() for key, value in lengths(name, 1 / torch.tensor(STD, dtype=torch.float64)).items()}
    found = make(name, model.eval(), bounds=NORMALIZED, **given)(model.pixels(images), targets)
    assert ((found - expected).abs() > 1e-5).double().mean() <= 1e-2


@pytest.mark.parametrize("name", PER_CHANNEL)
def test_a_radius_for_each_channel(name: str) -> None:
    model, (images, targets) = toys.Toy(), toys.batch()
    eps = (0.01, 0.05, 0.03)
    for radius in (eps, torch.tensor(eps)):
        found = (make(name, model, eps=radius)(images, targets) - images).abs().amax(dim=(0, 2, 3))
        assert bool((found <= torch.tensor(eps) + 1e-6).all())
        assert found[0] == pytest.approx(0.01, rel=1e-4) and found[1:].min() > 0.015
    torch.manual_seed(0)  # FriendlyPGD starts from the global random numbers
    whole = make(name, model, eps=0.03)(images, targets)
    torch.manual_seed(0)
    assert torch.equal(make(name, model, eps=[0.03] * 3)(images, targets), whole)


def test_radius_and_bounds_that_differ_by_channel_together() -> None:
    """A scalar radius for channels with other ranges is another share of each."""
    bounds = (0.0, (1.0, 2.0, 4.0))
    inner, (images, targets) = toys.Toy(), toys.batch()
    model = Rescaling(inner, bounds)
    found = mta.APGD(model, toys.tasks(), eps=0.1, bounds=bounds, steps=5)(model.pixels(images), targets)
    expected = mta.APGD(inner, toys.tasks(), eps=(0.1, 0.05, 0.025), steps=5)(images, targets)
    assert ((found - model.pixels(expected)).abs() > 1e-5).double().mean() <= 1e-2
    assert (found - model.pixels(images)).abs().max() <= 0.1 + 1e-6


def test_bounds_are_those_of_images_that_are_not_normalized() -> None:
    inner, (images, targets) = toys.Toy().double(), toys.batch()
    model, images = Rescaling(inner, (0, 255)), images.double()
    expected = make("BIM", model, bounds=(0, 255), **lengths("BIM", 255))(images * 255, targets)

    class Unnormalizing(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return model(x * 50 + 100)

    attack = make("BIM", Unnormalizing(), bounds=(0, 255), **lengths("BIM", 255))
    attack.set_normalization_used([100.0] * 3, [50.0] * 3)
    torch.testing.assert_close(attack((images * 255 - 100) / 50, targets) * 50 + 100, expected, rtol=0, atol=1e-3)
    with pytest.raises(ValueError, match=r"images: expected values in \[0, 255\], found values in \[100"):
        attack(images * 4, targets)


def test_several_attacks_must_see_the_images_alike() -> None:
    model = toys.Toy()
    attacks = [make("FGSM", model), make("PGD", model)]
    attacks[1].set_normalization_used([0.5] * 3, [0.5] * 3)
    with pytest.raises(ValueError, match="attacks: expected attacks with the same normalization"):
        mta.MultiAttack(attacks)
    attacks[0].set_normalization_used([0.5] * 3, [0.5] * 3)
    mta.MultiAttack(attacks)


def test_several_attacks_keep_the_best_whatever_the_bounds() -> None:
    inner, (images, targets) = toys.Toy(), toys.batch()
    model = Rescaling(inner, (0, 255))
    attacks = [make(name, model, bounds=(0, 255), **lengths(name, 255)) for name in ("FGSM", "APGD")]
    found = mta.MultiAttack(attacks)(images * 255, targets)
    score = mta.Objective(inner, toys.tasks()).bind(images, targets)
    best = torch.stack([score(attack(images * 255, targets) / 255) for attack in attacks]).amax(0)
    torch.testing.assert_close(score(found / 255), best, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"attacks: expected attacks with the same bounds, found bounds \[\(0.0, 255"):
        mta.MultiAttack([attacks[0], mta.FGSM(model, toys.tasks())])


@pytest.mark.parametrize("bounds", [(0.0, 255.0), NORMALIZED])
def test_saved_images_are_within_the_bounds(bounds: Any, tmp_path: Path) -> None:
    inner, (images, targets) = toys.Toy(), toys.batch()
    model = Rescaling(inner, bounds)
    eps = EPS * (model.high - model.low).flatten()
    attack = mta.FGSM(model, toys.tasks(), eps=eps, bounds=bounds)
    clean, loader = model.pixels(images), [(model.pixels(images), targets)]
    expected, size = attack(clean, targets), (model.high - model.low).float()
    for save_type, tolerance in (("float", 1e-6), ("int", 0.5 / 255 + 1e-6)):
        saved = attack.save(loader, tmp_path / "adv.pt", verbose=False, return_verbose=True, save_type=save_type)
        ((found, _),) = mta.load(tmp_path / "adv.pt")
        assert ((found - expected).abs() / size).max() <= tolerance
        assert saved.l2 == pytest.approx(float((expected - clean).flatten(1).norm(dim=1).mean()), rel=1e-5)


def test_watched_functions_see_images_within_the_bounds() -> None:
    inner, (images, targets) = toys.Toy(), toys.batch()
    model, seen = Rescaling(inner, (0, 255)), []
    attack = make("FGSM", model, bounds=(0, 255), eps=8.0)
    attack.set_mode_targeted_by_function(lambda x, y: (seen.append(x), y)[1], quiet=True)
    attack(images * 255, targets)
    torch.testing.assert_close(seen[0], images * 255)
    torch.testing.assert_close(attack.get_logits(images * 255)["depth"], inner(images)["depth"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ({"bounds": (0, 255)}, ValueError, r"eps: expected a length in the unit of bounds=\(0, 255\), found none; the def"),
    ({"bounds": (0, 255), "eps": 8}, ValueError, "alpha: expected a length in the unit of .* the default, 0.00784"),
    ({"bounds": (0, 255), "eps": 300, "alpha": 2}, ValueError, "eps: expected a radius of at most 255, the pixels"),
    ({"bounds": 255}, TypeError, r"bounds: expected \(low, high\), each a number or one a channel, found 255"),
    ({"bounds": (1, 0)}, ValueError, r"bounds: expected finite numbers, low < high in every channel, found \(1, 0\)"),
    ({"bounds": (0, math.inf)}, ValueError, "bounds: expected finite numbers"),
    ({"bounds": (0, "1")}, TypeError, "bounds: expected a number, or one a channel, found '1'"),
    ({"bounds": (0, (1.0, -1.0, 1.0))}, ValueError, "bounds: expected finite numbers, low < high in every channel"),
    ({"eps": (0.1, 0.2, 0.3)}, ValueError, r"eps: expected the same share .*: PGD takes one number, found .*\[0.1"),
    ({"eps": (0.1, 0.2, -0.3)}, ValueError, "eps: expected numbers > 0"),
    ({"bounds": (0, (1, 2, 3)), "eps": 0.1, "alpha": 0.1}, ValueError, "eps: expected the same share .* the shares"),
    ({"eps": None}, TypeError, "eps: expected a number, or one a channel, found None"),
])  # fmt: skip
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mta.PGD(toys.Toy(), toys.tasks(), **arguments)


def test_bad_numbers_of_channels_and_norms() -> None:
    images, targets = toys.batch()
    with pytest.raises(ValueError, match="eps: expected a number, or 3, one for each channel .*, found 2"):
        mta.APGD(toys.Toy(), toys.tasks(), eps=(0.1, 0.2))(images, targets)
    with pytest.raises(ValueError, match="bounds: expected a number, or 3, one for each channel .*, found 2"):
        mta.APGD(toys.Toy(), toys.tasks(), bounds=(0, (1.0, 2.0)), eps=0.1)(images, targets)
    with pytest.raises(ValueError, match=r"images\[:, 1\]: expected values in \[0, 0.1\], found values in"):
        mta.APGD(toys.Toy(), toys.tasks(), bounds=(0, (1.0, 0.1, 1.0)), eps=0.05)(images, targets)
    with pytest.raises(ValueError, match="eps: expected the same share of .* in all channels for the norm L2"):
        mta.APGD(toys.Toy(), toys.tasks(), norm="L2", eps=(0.1, 0.2, 0.3))
    with pytest.raises(ValueError, match="norm: expected one of 'Linf', 'L2', 'L1', found 'L0'"):
        mta.APGD(toys.Toy(), toys.tasks(), norm="L0")


def test_a_box_maps_both_ways_bit_for_bit_for_the_usual_ranges() -> None:
    images = torch.rand(3, 3, 4, 4)
    usual = Box.of((0.0, 1.0))
    assert torch.equal(usual.scaled(images), images) and torch.equal(usual.restored(images), images)
    grey = torch.arange(256.0).reshape(1, 1, 16, 16)
    assert torch.equal(Box.of((0, 255)).restored(Box.of((0, 255)).scaled(grey)), grey)


def supported(name: str) -> tuple[str, str]:
    """The norms of an attack, and whether it takes a radius for each channel, as the page writes them."""
    known = attack_class(name)
    norms = known.norms if "norm" in inspect.signature(known).parameters else (known.traits.norm,)
    return ", ".join(norms), "yes" if known.per_channel else "the same share of each range"


def test_the_page_says_what_each_attack_supports() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {name: (norms, channels) for name, norms, channels in rows} == {name: supported(name) for name in ATTACKS}
