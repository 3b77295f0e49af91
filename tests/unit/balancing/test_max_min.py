"""The rule ``max_min`` against the gradient of a soft minimum that is written out, and what it is for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.balancing import MaxMin
from mt_torchattacks.evaluation import count_passes
from tests import toys


def rises(model: torch.nn.Module, x: Tensor, clean: Tensor, targets: dict[str, Tensor]) -> Tensor:
    now, before = (torch.stack(list(toys.tasks().losses(model(at), targets).values()), dim=1) for at in (x, clean))
    return (now - before.detach()) / before.detach()


@pytest.mark.parametrize("gamma", [0.1, 3.0, 50.0])
def test_direction_and_score_are_those_of_the_soft_minimum(gamma: float) -> None:
    images, targets = toys.batch(3)
    targets = {name: t.double() if t.is_floating_point() else t for name, t in targets.items()}
    model, images = toys.Toy().double(), images.double() * 0.8 + 0.1
    x = (images + 0.05 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    bound = mta.Objective(model, toys.tasks(), MaxMin(gamma)).bind(images, targets)
    bound(images)
    with count_passes(model) as passes:
        score = bound(x)
        [direction] = torch.autograd.grad(score.sum(), x)
    assert (passes.forward, passes.backward) == (1, 1)
    expected = -(torch.exp(-gamma * rises(model, x, images, targets)).mean(dim=1)).log() / gamma
    torch.testing.assert_close(score, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(direction, torch.autograd.grad(expected.sum(), x)[0], rtol=1e-9, atol=1e-15)


def test_sharp_and_flat() -> None:
    """Large gamma: the least harmed task alone; small gamma: the mean, whose direction is that of ``relative``."""
    losses, clean = torch.tensor([[4.0, 3.0, 1.1]]), torch.tensor([[2.0, 1.0, 1.0]])
    assert torch.allclose(MaxMin(1000.0).weights(losses, clean), torch.tensor([[0.0, 0.0, 1.0]]))
    assert MaxMin(1000.0).score(losses, clean).item() == pytest.approx(0.1, abs=0.002)
    flat = MaxMin(1e-4)
    assert torch.allclose(3 * flat.weights(losses, clean), 1 / clean, rtol=1e-3)
    assert flat.score(losses, clean).item() == pytest.approx((1 + 2 + 0.1) / 3, rel=1e-2)


def test_it_harms_the_least_harmed_task_more_than_other_rules_do() -> None:
    model, rooms = mta.models.zoo("rooms3/all-shared"), mta.data.Rooms(length=6, seed=5)
    images, targets = next(iter(torch.utils.data.DataLoader(rooms, batch_size=6)))
    tasks, least = mta.standard_tasks(["segmentation", "normal", "depth"]), {}
    with torch.no_grad():
        clean = torch.stack(list(tasks.losses(model(images), targets).values()))
        for rule in ("max_min", "dgba", "relative", "total"):
            adversarial = mta.APGD(model, tasks, balance=rule, eps=8 / 255, steps=10)(images, targets)
            attacked = torch.stack(list(tasks.losses(model(adversarial), targets).values()))
            least[rule] = float(((attacked - clean) / clean).amin(dim=0).mean())
    assert least["max_min"] > max(least["dgba"], least["relative"], least["total"])


@pytest.mark.parametrize("gamma", [0, -1.0, float("nan")])
def test_bad_sharpness(gamma: float) -> None:
    with pytest.raises(ValueError, match="gamma: expected a number > 0"):
        MaxMin(gamma)
