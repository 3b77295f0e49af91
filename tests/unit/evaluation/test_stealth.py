"""The trade-off between damage and harm, on numbers made up and on a small model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.evaluation import NamedData, NamedModel, Store
from mt_torchattacks.report.stealth import stealth_figure
from mt_torchattacks.studies.stealth import Restraint, StealthCurve, stealth_curve, stealthy
from mt_torchattacks.tasks import standard_tasks

EPS = 8 / 255
FREE, MINUS, BUDGET = Restraint("none"), Restraint("minus sign", 2.0), Restraint("budget", 0.05)


class Small(nn.Module):
    """One convolution for all tasks, with depths that are right to a few metres."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 17, 5, padding=2)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        segmentation, normal, depth = self.layer(images).split([13, 3, 1], dim=1)
        return {"segmentation": segmentation, "normal": normal, "depth": 3 + depth}


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.fixture(name="curve")
def _curve() -> StealthCurve:
    clean = {"a": numbers(1.0, 2.0), "b": numbers(4.0, -2.0), "c": numbers(1.0, 0.0)}
    losses = (
        {"a": numbers(3.0, 4.0), "b": numbers(8.0, -1.0), "c": numbers(1.5, 0.0)},
        {"a": numbers(2.0, 4.0), "b": numbers(4.2, -1.9), "c": numbers(1.0, 0.0)},
        {"a": numbers(2.5, 3.0), "b": numbers(4.0, -2.4), "c": numbers(1.1, 0.0)},
    )
    arp = tuple({"a": value, "b": 1.0, "c": 2.0} for value in (50.0, 25.0, 40.0))
    return StealthCurve(("a",), (FREE, MINUS, BUDGET), clean, losses, arp)


def test_damage_and_harm(curve: StealthCurve) -> None:
    assert [curve.damage(i) for i in range(3)] == pytest.approx([1.0, 0.75, 0.625])
    assert curve.kept == ("b", "c")
    torch.testing.assert_close(curve.harm(0), torch.stack([numbers(1.0, 0.5), numbers(0.5, 0.0)], dim=1))
    torch.testing.assert_close(curve.harm(2), torch.stack([numbers(0.0, -0.2), numbers(0.1, 0.0)], dim=1))


def test_table(curve: StealthCurve) -> None:
    table = curve.table()
    assert list(table.columns) == [
        "attacked", "restraint", "size", "damage", "ARP", "b loss", "b ARP", "c loss", "c ARP", "worst", "unharmed",
    ]  # fmt: skip
    assert table["restraint"].tolist() == ["none", "minus sign", "budget"]
    assert table["size"].tolist() == ["", "2", "0.05"]
    assert table["damage"].tolist() == pytest.approx([100.0, 75.0, 62.5])
    assert table["b loss"].tolist() == pytest.approx([75.0, 5.0, -10.0])
    assert table["worst"].tolist() == pytest.approx([100.0, 5.0, 10.0])
    assert table["unharmed"].tolist() == [0.0, 100.0, 50.0]
    assert table["ARP"].tolist() == [50.0, 25.0, 40.0]


def test_figure(curve: StealthCurve, tmp_path: Path) -> None:
    figure = stealth_figure([curve, curve], "a title")
    panel = figure.axes[0]
    lines = {line.get_label(): line.get_xydata().tolist() for line in panel.lines}
    assert lines["budget"] == [pytest.approx([5.0, 62.5])]  # the task that is harmed most: c, on the mean 5 %
    assert lines["minus sign"] == [pytest.approx([5.0, 75.0])]
    assert lines["none"] == [pytest.approx([75.0, 100.0])]
    assert [axes.get_title() for axes in figure.axes] == ["attacked: a", "attacked: a"]
    with pytest.raises(ValueError, match="curves: expected at least one, found none"):
        stealth_figure([])


def test_the_attacks_and_their_roles() -> None:
    model, tasks = Small(), standard_tasks()
    free, minus, budget = (
        stealthy(model, tasks, ["normal"], restraint, eps=EPS, steps=7) for restraint in (FREE, MINUS, BUDGET)
    )
    assert [attack.tasks["depth"].role for attack in (free, minus, budget)] == ["ignore", "preserve", "preserve"]
    assert [attack.tasks["depth"].budget for attack in (free, minus, budget)] == [None, None, 0.05]
    assert all(attack.tasks["normal"].role == "attack" for attack in (free, minus, budget))
    assert (free.balance, budget.balance, budget.steps, budget.random_start) == ("relative", "relative", 7, False)
    for attacked in ([], list(tasks)):
        with pytest.raises(ValueError, match="attacked: expected some of the tasks, not none and not all"):
            stealthy(model, tasks, attacked, FREE, eps=EPS, steps=7)
    with pytest.raises(ValueError, match="attacked: expected one of 'segmentation', .* found 'dept'"):
        stealthy(model, tasks, ["dept"], FREE, eps=EPS, steps=7)
    with pytest.raises(ValueError, match="restraint: expected one of 'none', .* found 'gentle'"):
        stealthy(model, tasks, ["depth"], Restraint("gentle"), eps=EPS, steps=7)


def test_without_restraint_it_is_the_single_task_attack() -> None:
    model, tasks, images, targets = Small(), standard_tasks(), *mta.data.Rooms(length=2, size=32, seed=1).render([0, 1])
    free = stealthy(model, tasks, ["depth"], FREE, eps=EPS, steps=4)(images, targets)
    single = mta.APGD(model, tasks, "single:depth", eps=EPS, steps=4, random_start=False)(images, targets)
    assert (free != single).double().mean() < 1e-3


def test_the_minus_sign_weighs_relative_losses() -> None:
    model, tasks, images, targets = Small(), standard_tasks(), *mta.data.Rooms(length=2, size=32, seed=1).render([0, 1])
    bound = stealthy(model, tasks, ["depth"], MINUS, eps=EPS, steps=4).bind(images, targets)
    x = (images + 0.01).clamp(0, 1).requires_grad_()
    before, after = tasks.losses(model(images), targets), tasks.losses(model(x), targets)
    ratios = {name: after[name] / before[name].detach() for name in tasks}
    expected = ratios["depth"] - 2 * (ratios["segmentation"] + ratios["normal"])
    torch.testing.assert_close(bound(x), expected, rtol=1e-4, atol=1e-5)
    found, wanted = (torch.autograd.grad(score.sum(), x)[0] for score in (bound(x), expected))
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-6)


def test_a_curve_of_a_small_model(tmp_path: Path) -> None:
    torch.manual_seed(1)
    subject, store = NamedModel("small", Small().train()), Store(tmp_path)
    scenes = NamedData.of("rooms", mta.data.Rooms(length=3, size=32, seed=1), 3, batch_size=2)
    curve = stealth_curve(store, subject, scenes, ["depth"], [BUDGET, FREE, MINUS], steps=3, progress=False)
    assert subject.model.training
    assert curve.restraints == (FREE, BUDGET, MINUS)
    images = torch.cat([images for images, _ in scenes.batches])
    targets = {name: torch.cat([targets[name] for _, targets in scenes.batches]) for name in scenes.tasks}
    with torch.no_grad():
        clean = scenes.tasks.losses(subject.model(images), targets)
    for name, loss in curve.clean.items():
        torch.testing.assert_close(loss.float(), clean[name])
    assert curve.damage(0) == 1.0
    assert curve.damage(1) > 0
    assert bool((curve.harm(1) <= 0.05 + 1e-4).all())
    again = stealth_curve(store, subject, scenes, ["depth"], [BUDGET, FREE, MINUS], steps=3, progress=False)
    torch.testing.assert_close(again.losses[1]["depth"], curve.losses[1]["depth"])
    assert len(list(tmp_path.iterdir())) == 3
