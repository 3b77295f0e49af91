"""Passes through a model are counted as they happen, in every way to make them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation.passes import Passes, count_passes
from tests import toys


@pytest.fixture(name="model")
def _model() -> nn.Module:
    return nn.Linear(3, 2)


@pytest.fixture(name="x")
def _x() -> Tensor:
    return torch.rand(5, 3, requires_grad=True)


def test_forward_passes_alone(model: nn.Module, x: Tensor) -> None:
    with count_passes(model) as passes:
        model(x.detach())
        model(x[:2])
        with torch.no_grad():
            model(x)
    model(x).sum().backward()
    assert passes == Passes(forward=3, forward_samples=12)


def test_a_gradient_counts_for_the_call_that_it_passes(model: nn.Module, x: Tensor) -> None:
    """Three calls on one tensor, one of them within no_grad; the gradient of the first alone, then of both."""
    with count_passes(model) as passes:
        first, second = model(x).sum(), model(x).sum()
        with torch.no_grad():
            model(x)
        torch.autograd.grad(first, x, retain_graph=True)
        assert passes == Passes(3, 1, 15, 5)
        torch.autograd.grad(first + second, x)
    assert passes == Passes(3, 3, 15, 15)


def test_one_call_and_a_gradient_for_each_output(model: nn.Module, x: Tensor) -> None:
    with count_passes(model) as passes:
        outputs = model(x).sum(dim=0)
        for output in outputs:
            output.backward(retain_graph=True)
    assert passes == Passes(1, 2, 5, 10)


def test_arguments_by_name_and_others_than_tensors() -> None:
    class Named(nn.Module):
        def forward(self, scale: float, pixel_values: Tensor, other: Tensor | None = None) -> Tensor:
            return scale * pixel_values

    model, x = Named(), torch.rand(4, 3, requires_grad=True)
    with count_passes(model) as passes:
        model(2.0, pixel_values=x, other=torch.zeros(1)).sum().backward()
        model(2.0, x).sum().backward()
    assert passes == Passes(2, 2, 8, 8)
    assert x.grad is not None and bool((x.grad == 4).all())


def test_values_and_gradients_stay_as_they_are() -> None:
    model, (images, targets) = toys.Toy(), toys.batch(3)
    attack = mta.PGD(model, toys.tasks(), "dgba", steps=3, random_start=False)
    expected = attack(images, targets)
    with count_passes(model) as passes:
        assert torch.equal(attack(images, targets), expected)
    assert passes == Passes(3, 3, 9, 9)


@pytest.mark.parametrize(("rule", "backward"), [("total", 2), ("sign_total", 2 * len(toys.NAMES))])
def test_a_rule_that_needs_each_tasks_gradient_makes_a_pass_a_task(rule: str, backward: int) -> None:
    model, (images, targets) = toys.Toy(), toys.batch(2)
    attack = mta.PGD(model, toys.tasks(), rule, steps=2, random_start=False)
    with count_passes(model) as passes:
        attack(images, targets)
    assert (passes.forward, passes.backward, passes.backward_samples) == (2, backward, 2 * backward)


def test_several_gradients_in_one_batched_call(model: nn.Module, x: Tensor) -> None:
    """Gradients of each output at once, as ``torch.func`` and ``is_grads_batched`` take them, are one pass."""
    with count_passes(model) as passes:
        torch.autograd.grad(model(x).sum(dim=0), x, torch.eye(2), is_grads_batched=True)
    assert passes.backward == 1


def test_after_an_error_nothing_is_counted_any_more(model: nn.Module, x: Tensor) -> None:
    def run(passes: list[Passes]) -> None:
        with count_passes(model) as counted:
            passes.append(counted)
            model(x)
            raise RuntimeError("stopped")

    found: list[Passes] = []
    with pytest.raises(RuntimeError, match="stopped"):
        run(found)
    model(x)
    assert found[0].forward == 1


def test_a_call_without_a_tensor() -> None:
    class Lists(nn.Module):
        def forward(self, images: list[Tensor]) -> list[Tensor]:
            return images

    model = Lists()
    with count_passes(model) as passes:
        model([torch.rand(3)])
    assert passes == Passes(forward=1)
