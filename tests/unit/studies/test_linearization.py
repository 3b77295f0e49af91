"""First- and second-order terms against closed forms: a linear loss has no second one, a quadratic one no third."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.studies.linearization import taylor
from tests import toys


class Squares(nn.Module):
    """One task whose output is linear in the image."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3 * 4 * 4, generator=torch.Generator().manual_seed(0)).double())

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"a": (x.flatten(1) @ self.weight)[:, None]}


IMAGES = torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(1)).double()
TARGETS = {"a": torch.zeros(5, 1).double()}


def test_a_linear_loss_has_its_first_order_term_alone() -> None:
    model, step = Squares(), 0.01
    tasks = mta.Tasks(a=lambda output, target: output[:, 0] + 50)
    first, second, change = taylor(model, tasks, "dgba", step, IMAGES, TARGETS)
    assert torch.allclose(first[:, 0], step * model.weight.detach().abs().sum().expand(5))
    assert torch.equal(second, torch.zeros_like(second))
    assert torch.allclose(change, first)


def test_a_quadratic_loss_has_no_third_term() -> None:
    """L = o^2: the first-order term is 2 o <w, d>, the second one <w, d>^2."""
    model, step = Squares(), 0.01
    tasks = mta.Tasks(a=lambda output, target: output[:, 0] ** 2)
    first, second, change = taylor(model, tasks, "total", step, IMAGES, TARGETS)
    length = step * model.weight.detach().abs().sum()
    output = model(IMAGES)["a"].detach().abs()
    assert torch.allclose(first, 2 * output * length)
    assert torch.allclose(second, (length**2).expand(5, 1))
    assert torch.allclose(change, first + second)


def test_on_a_smooth_network_it_is_the_second_difference_and_the_model_is_as_before() -> None:
    model, (images, targets) = toys.Toy().double(), toys.batch(3)
    images, targets = images.double(), {n: t.double() if t.is_floating_point() else t for n, t in targets.items()}
    model.train()
    step, tasks = 1e-4, toys.tasks()
    first, second, change = taylor(model, tasks, "dgba", step, images, targets)
    assert model.training
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    twice = taylor(model, tasks, "dgba", 2 * step, images, targets)[2]
    assert torch.allclose(twice - 2 * change, 2 * second, rtol=0.05, atol=1e-10)
    assert (change / first).median() == pytest.approx(1, abs=0.01)
