"""The rule ``capped`` against a gradient that is written out, and what it is for."""

from __future__ import annotations

import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.balancing import Capped
from tests import toys


@pytest.mark.parametrize("cap", [1e-6, 0.02, 100.0])
def test_direction_and_score(cap: float) -> None:
    """In float64, each task alone: those below the cap; if none is, all. All three cases come up."""
    images, targets = toys.batch(3)
    targets = {name: t.double() if t.is_floating_point() else t for name, t in targets.items()}
    model, images = toys.Toy().double(), images.double() * 0.8 + 0.1
    x = (images + 0.05 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    bound = mta.Objective(model, toys.tasks(), Capped(cap)).bind(images, targets)
    bound(images)
    score = bound(x)
    [direction] = torch.autograd.grad(score.sum(), x)
    clean = toys.tasks().losses(model(images), targets)
    for i in range(3):
        rises = {}
        for name in clean:
            rises[name] = toys.tasks().losses(model(x), targets)[name][i] / clean[name][i].item() - 1
        open_ = [name for name, rise in rises.items() if rise.item() < cap] or list(rises)
        expected = sum(torch.autograd.grad(rises[name], x)[0][i] for name in open_)
        torch.testing.assert_close(direction[i], expected, rtol=1e-9, atol=1e-15)
        value = sum(rise.item() if name in open_ else cap for name, rise in rises.items())
        assert score[i].item() == pytest.approx(value, rel=1e-9)


def test_reaching_all_goals_is_always_better() -> None:
    """However high one task is, an image whose tasks have all reached their caps scores higher."""
    clean, rule = torch.ones(3, 2), Capped({"a": 1.0, "b": 0.5})
    losses = torch.tensor([[1e6, 1.49], [2.01, 1.51], [2.5, 1.9]])
    first, second, third = rule.score(losses, clean).tolist()
    assert first < second < third
    assert rule.select(["b", "a"]) == ["a", "b"]


def test_a_task_without_a_clean_loss_has_no_goal() -> None:
    weights = Capped(0.5).weights(torch.tensor([[0.0, 2.0]]), torch.tensor([[0.0, 1.0]]))
    assert weights.tolist() == [[0.0, 1.0]]  # the other one has reached its goal, so all that are left count


def test_more_images_with_every_task_harmed_than_the_sum_of_increases() -> None:
    model, rooms = mta.models.zoo("rooms3/all-shared"), mta.data.Rooms(length=12, seed=5)
    images, targets = next(iter(torch.utils.data.DataLoader(rooms, batch_size=12)))
    tasks, harmed = mta.error_tasks(["segmentation", "normal", "depth"]), {}
    with torch.no_grad():
        clean = torch.stack(list(tasks.losses(model(images), targets).values()))
        for rule in (Capped(0.5), "relative"):
            name = str(rule)
            adversarial = mta.APGD(model, tasks, balance=rule, eps=4 / 255, steps=20)(images, targets)
            attacked = torch.stack(list(tasks.losses(model(adversarial), targets).values()))
            harmed[name] = int(((attacked - clean) / clean >= 0.5).all(dim=0).sum())
    assert harmed["Capped(0.5)"] > harmed["relative"]


@pytest.mark.parametrize(
    ("cap", "message"),
    [(0, "cap: expected a number > 0"), ({"a": -1.0}, "cap of 'a': expected a number > 0")],
)
def test_bad_caps(cap: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Capped(cap)  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="'depth' missing"):
        mta.Objective(lambda x: x, mta.Tasks(depth=mta.losses.L1()), Capped({})).names  # noqa: B018
