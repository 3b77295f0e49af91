"""The rules made of torchjd's aggregators: closed forms for two tasks, and what every rule must keep to."""

from __future__ import annotations

import math
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.balancing import GradDrop, JacobianRule, Rule, resolve
from tests import toys

pytest.importorskip("torchjd")
NAMES = sorted(name for name, rule in Rule.registry.items() if issubclass(rule, JacobianRule))
SCALE_FREE = ("aligned_mtl", "cagrad", "config", "dualproj", "imtl_g", "mgda", "nash_mtl", "pcgrad", "upgrad")


def rule(name: str, **arguments: Any) -> JacobianRule:
    try:
        return Rule.registry[name](**arguments)  # type: ignore[return-value]
    except ImportError as missing:
        pytest.skip(str(missing))


def gramian(*rows: list[float]) -> Tensor:
    """The Gramian ``(1, T, T)`` of gradients given as rows."""
    matrix = torch.tensor(rows, dtype=torch.float64)
    return (matrix @ matrix.T).unsqueeze(0)


def along(weights: Tensor) -> Tensor:
    """The weights ``(T,)`` of one sample at length 1: the length of a direction does not matter."""
    return weights[0] / weights[0].norm()


def random_gramians(n: int = 2, tasks: int = 3) -> Tensor:
    matrix = torch.randn(n, tasks, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return matrix @ matrix.mT


@pytest.mark.parametrize("name", ["pcgrad", "graddrop"])
def test_no_devices_random_numbers_are_touched(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``torch.manual_seed`` would seed every GPU too, and none would be put back."""

    def seeded(seed: int) -> None:
        raise AssertionError("the generators of the GPUs were seeded")

    model, (images, targets) = toys.Toy(), toys.batch(2)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded)
    state = torch.get_rng_state()
    bound = mta.Objective(model, toys.tasks(), name).bind(images, targets)
    first, again = (torch.autograd.grad(bound(x).sum(), x)[0] for x in (images.clone().requires_grad_() for _ in "ab"))
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), state)


def test_mgda_is_the_point_of_least_norm() -> None:
    """Two tasks: ``w_1 = <g_2, g_2 - g_1> / |g_1 - g_2|^2``, within [0, 1]."""
    a, b = [3.0, 1.0], [-1.0, 2.0]  # <b, b - a> = 4 + 2 - 1 = 6 of 17
    torch.testing.assert_close(rule("mgda").weights(gramian(a, b)), torch.tensor([[6 / 17, 11 / 17]]).double())
    short_wins = rule("mgda").weights(gramian([1.0, 0.0], [5.0, 1.0]))
    torch.testing.assert_close(short_wins, torch.tensor([[1.0, 0.0]]).double())


# Orthogonal gradients of lengths 2 and 1/2: no rule has a conflict to resolve.
ORTHOGONAL = {
    "upgrad": (1.0, 1.0),
    "dualproj": (1.0, 1.0),
    "pcgrad": (1.0, 1.0),
    "mgda": (1 / 4, 4.0),  # equal inner products with both: w_i |g_i|^2
    "imtl_g": (1 / 2, 2.0),  # equal parts along both unit gradients: w_i |g_i|
    "config": (1 / 2, 2.0),
    "aligned_mtl": (1 / 2, 2.0),  # both of the length of the shorter
    "nash_mtl": (1 / 2, 2.0),  # w_i <g_i, d> = 1
    "fairgrad": (4 ** (-2 / 3), 4 ** (2 / 3)),  # <g_i, d> = w_i^(-1/2)
}


@pytest.mark.parametrize("name", NAMES)
def test_orthogonal_gradients_have_closed_forms(name: str) -> None:
    found = along(rule(name).weights(gramian([2.0, 0.0], [0.0, 0.5])))
    if name == "cagrad":  # no closed form, but more of the worse task than the mean has
        assert found[1] > found[0] > 0
        return
    expected = torch.tensor(ORTHOGONAL[name]).double()
    torch.testing.assert_close(found, expected / expected.norm(), rtol=2e-3, atol=0)


def projections(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Each of two conflicting gradients without its part along the other: where neither loss falls."""
    return a - b * (a @ b) / (b @ b), b - a * (a @ b) / (a @ a)


def test_upgrad_and_pcgrad_project_each_gradient() -> None:
    a, b = torch.tensor([3.0, 1.0]).double(), torch.tensor([-1.0, 2.0]).double()
    expected = sum(projections(a, b))
    for name in ("upgrad", "pcgrad"):
        w = rule(name).weights(gramian(a.tolist(), b.tolist()))[0]
        found = w[0] * a + w[1] * b
        torch.testing.assert_close(found / found.norm(), expected / expected.norm(), rtol=0, atol=1e-3)


def test_dualproj_projects_the_mean() -> None:
    a, b = torch.tensor([5.0, 0.0]).double(), torch.tensor([-1.0, 1.0]).double()
    mean = (a + b) / 2
    assert mean @ b < 0  # the mean conflicts with b, and loses what it has along b
    expected = mean - b * (mean @ b) / (b @ b)
    w = rule("dualproj").weights(gramian(a.tolist(), b.tolist()))[0]
    found = w[0] * a + w[1] * b
    torch.testing.assert_close(found / found.norm(), expected / expected.norm(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", ["upgrad", "dualproj", "mgda", "config", "imtl_g", "nash_mtl"])
@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_rules_without_conflict_let_no_loss_fall(name: str, scale: float) -> None:
    """Also where one gradient is short and conflicts with the others."""
    rows = torch.randn(3, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows[2] = scale * (rows[2] / 4 - rows[0] - rows[1]) / 2
    gramian = rows @ rows.T
    found = rule(name).weights(gramian.unsqueeze(0))[0] @ rows
    cosines = rows @ found / rows.norm(dim=1) / found.norm()
    assert bool((cosines >= -3e-3).all())  # the solvers' accuracy
    assert float(rows[2] @ rows.sum(0)) < 0  # along the plain sum it would


@pytest.mark.parametrize("name", NAMES)
def test_a_samples_weights_do_not_depend_on_the_batch(name: str) -> None:
    gramians = random_gramians()
    together = rule(name).weights(gramians)
    one = rule(name)
    alone = torch.cat([one.weights(g.unsqueeze(0)) for g in gramians.flip(0)]).flip(0)
    assert torch.equal(alone, together)
    assert together.dtype == gramians.dtype


@pytest.mark.parametrize("name", SCALE_FREE)
def test_small_gradients_are_not_taken_for_zero(name: str) -> None:
    """By itself torchjd gives up conflicts below a squared length of 1e-4, where gradients of mean losses are."""
    gramians = random_gramians()
    small, large = (along(rule(name).weights(gramians[:1] * scale)) for scale in (1e-10, 1.0))
    torch.testing.assert_close(small, large, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_unit_gradients_make_the_losses_units_irrelevant(name: str) -> None:
    g = random_gramians()
    scales = torch.tensor([1e-3, 1.0, 50.0]).double()
    direct = rule(name, unit=True).weights(g)
    scaled = rule(name, unit=True).weights(g * torch.outer(scales, scales)) * scales
    torch.testing.assert_close(scaled, direct, rtol=1e-6, atol=1e-9)
    assert not torch.allclose(rule(name).weights(g * torch.outer(scales, scales)) * scales, direct, rtol=1e-2)


@pytest.mark.parametrize("name", NAMES)
def test_a_task_without_a_gradient_has_no_weight(name: str) -> None:
    g = random_gramians(2, tasks=2)
    with_zero = torch.zeros(2, 3, 3).double()
    with_zero[:, ::2, ::2] = g
    with_zero[1] = 0
    found, expected = rule(name).weights(with_zero), rule(name).weights(g)
    assert torch.equal(found[0, [0, 2]], expected[0])
    assert found[0, 1] == 0
    assert not found[1].any()


@pytest.mark.parametrize("name", [*NAMES, "graddrop"])
def test_the_users_random_numbers_and_the_next_call_are_untouched(name: str) -> None:
    found = rule(name)
    images, targets = toys.batch(2)
    bound = mta.Objective(toys.Toy(), toys.tasks(), found).bind(images, targets)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    x = images.clone().requires_grad_()
    first, second = (torch.autograd.grad(bound(x).sum(), x)[0] for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, second)


def test_graddrop_keeps_one_sign_a_pixel_in_its_share_of_the_draws() -> None:
    gradients = torch.tensor([3.0, -1.0]).reshape(1, 2, 1, 1, 1).expand(1, 2, 3, 60, 60)
    found = GradDrop().direction(gradients)
    assert found.shape == (1, 3, 60, 60)
    assert set(found.unique().tolist()) == {-1.0, 3.0}
    share = (found > 0).double().mean().item()  # 3 / (3 + 1) are drawn positive
    assert share == pytest.approx(0.75, abs=4 * math.sqrt(0.75 * 0.25 / 10800))
    agreeing = GradDrop().direction(gradients.abs())
    torch.testing.assert_close(agreeing, torch.full_like(agreeing, 4.0))


@pytest.mark.parametrize("name", [*NAMES, "graddrop"])
def test_without_torchjd_the_rule_says_which_extra_brings_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [m for m in sys.modules if m.split(".")[0] == "torchjd"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [_NoTorchJD(), *sys.meta_path])
    with pytest.raises(ImportError, match=r"torchjd is needed here .* pip install 'mt-torchattacks\[torchjd\]'"):
        mta.PGD(toys.Toy(), toys.tasks(), balance=name)


class _NoTorchJD:
    """An importer that finds no torchjd."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] == "torchjd":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_names_and_arguments_are_shown() -> None:
    assert repr(resolve("mgda")) == "'mgda'"
    assert repr(rule("mgda", unit=True)) == "MGDA(unit=True)"
    with pytest.raises(ValueError, match="balance: expected 'mgda', found 'mgda:depth'"):
        resolve("mgda:depth")
