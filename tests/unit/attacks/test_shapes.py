"""Inputs that are no images: rows ``(N, D)``, signals ``(N, C, L)``, volumes; bounds are parsed once a call."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.attacks import ATTACKS, attack_class
from mt_torchattacks.balancing import Rule, resolve
from mt_torchattacks.geometry.box import Box
from tests import toys

SHAPES = {"rows": (12,), "signals": (3, 7), "embeddings": (5, 6), "volumes": (3, 2, 3, 4)}
ANY_SHAPE = sorted(name for name in ATTACKS if not attack_class(name).traits.images)
EPS = 8 / 255


class Heads(nn.Module):
    """Two smooth heads of inputs of any shape."""

    def __init__(self, size: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.a = nn.Parameter(torch.randn(size, 4, generator=generator))
        self.b = nn.Parameter(torch.randn(size, 2, generator=generator))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Outputs by task."""
        return {"a": torch.tanh(x.flatten(1) @ self.a), "b": torch.sin(x.flatten(1) @ self.b)}


def case(shape: tuple[int, ...], n: int = 5) -> tuple[Heads, mta.Tasks, Tensor, dict[str, Tensor]]:
    g = torch.Generator().manual_seed(1)
    x = torch.rand(n, *shape, generator=g)
    targets = {"a": torch.randn(n, 4, generator=g), "b": torch.randn(n, 2, generator=g)}
    return Heads(x[0].numel()), mta.Tasks(a=mta.losses.L1(), b=mta.losses.L1()), x, targets


def few(name: str, **more: Any) -> dict[str, Any]:
    takes = inspect.signature(attack_class(name)).parameters
    found = {key: value for key, value in {"steps": 5, "n_queries": 60}.items() if key in takes}
    return found | {"eps": 1.0 if attack_class(name).traits.norm == "L2" else EPS} | more


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", ANY_SHAPE)
def test_an_input_of_any_shape_is_attacked_as_the_same_numbers_laid_out_as_an_image(name: str, shape: Any) -> None:
    model, tasks, x, targets = case(shape)
    attack = attack_class(name)(model, tasks, **few(name, **({"tile": 1} if name == "SPSA" else {})))
    torch.manual_seed(0)
    found = attack(x, targets)
    assert found.shape == x.shape
    assert (found - x).abs().amax() <= (1.0 if attack.traits.norm == "L2" else EPS) + 1e-6
    before, after = (sum(tasks.losses(model(v), targets).values()) for v in (x, found))
    assert bool((after > before).any())
    image = x.reshape(len(x), x.shape[1], -1, 1)
    torch.manual_seed(0)
    torch.testing.assert_close(attack(image, targets).reshape(x.shape), found, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", sorted(set(ATTACKS) - set(ANY_SHAPE)))
def test_an_attack_that_uses_the_geometry_of_images_says_so(name: str, shape: Any) -> None:
    model, tasks, x, targets = case(shape)
    attack = attack_class(name)(model, tasks)
    with pytest.raises(ValueError, match=r"images: expected shape \(N, C, H, W\), found float32 of shape \(5, "):
        attack(x, targets)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("balance", sorted(set(Rule.registry) - {"single"}))
def test_every_rule_has_a_direction_for_inputs_of_any_shape(balance: str, shape: Any) -> None:
    try:
        resolve(balance)
    except ImportError as missing:
        pytest.skip(str(missing))
    model, tasks, x, targets = case(shape)
    rows = x.flatten(1)
    found = []
    for given in (x, rows):
        point = (given + 0.01).clamp(max=1).requires_grad_()
        score = mta.Objective(model, tasks, balance).bind(given, targets)(point)
        found.append((score.detach(), torch.autograd.grad(score.sum(), point)[0]))
    assert found[0][1].shape == x.shape
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1].flatten(1), found[1][1])


@pytest.mark.parametrize("norm", ["Linf", "L2", "L1"])
def test_apgd_in_every_norm(norm: str) -> None:
    model, tasks, x, targets = case((12,))
    attack = mta.APGD(model, tasks, norm=norm, eps=0.2, steps=20, n_restarts=2)
    image = attack(x.reshape(5, 3, 2, 2), targets)
    torch.testing.assert_close(attack(x, targets), image.reshape(5, 12), rtol=0, atol=1e-6)


def test_budgets_and_own_predictions_of_rows() -> None:
    model, _, x, targets = case((12,))
    tasks = mta.Tasks(a=mta.losses.L1(), b=mta.Task(mta.losses.L1(), role="preserve", budget=0.01))
    own = {"a": model(x)["a"], "b": targets["b"]}
    found = mta.APGD(model, tasks, eps=0.05, steps=20, random_start=False)(x, own)
    before, after = (tasks.losses(model(v), own) for v in (x, found))
    assert bool((after["a"] > 0).all())
    assert bool((after["b"] <= 1.01 * before["b"] + 1e-4).all())


def test_numbers_by_channel() -> None:
    """Bounds, radii and normalization of the second dimension, whatever follows it."""
    model, tasks, x, targets = case((3, 7))
    low, size = torch.tensor([0.0, -1.0, 5.0]).reshape(3, 1), torch.tensor([1.0, 2.0, 10.0]).reshape(3, 1)

    class Scaled(Heads):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return super().forward((x - low) / size)

    bounds = (low.flatten().tolist(), (low + size).flatten().tolist())
    plain = mta.APGD(model, tasks, eps=EPS, steps=5)(x, targets)
    radii = (EPS * size).flatten().tolist()
    found = mta.APGD(Scaled(21), tasks, eps=radii, steps=5, bounds=bounds)(low + size * x, targets)
    torch.testing.assert_close((found - low) / size, plain, rtol=0, atol=1e-5)
    attack = mta.PGD(Scaled(21), tasks, random_start=False)
    attack.set_normalization_used([0.1, 0.2, 0.3], [0.5, 0.5, 0.5])
    assert attack((x - 0.2) / 0.5 * 0 + 0.1, targets).shape == x.shape


def test_bounds_are_parsed_once_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    model, (images, targets) = toys.Toy(), toys.batch()
    attacks = [getattr(mta, name)(model, toys.tasks()) for name in ("PGD", "APGD", "AutoSAGA", "PGDRS")]
    parsed, parse = [], Box.of
    monkeypatch.setattr(Box, "of", lambda bounds: parsed.append(bounds) or parse(bounds))
    for attack in attacks:
        attack(images, targets)
        assert parsed == [(0.0, 1.0)], attack
        parsed.clear()
