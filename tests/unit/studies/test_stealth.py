"""The trade-off between damage and harm, on numbers made up and on a small model."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.cli import main
from mt_torchattacks.evaluation import Evaluation, Measurements, NamedModel, Store
from mt_torchattacks.studies.stealth import Preservation, StealthCurve, stealth_curve, stealth_figure, stealthy
from mt_torchattacks.tasks import standard_tasks
from tests.toy_data import Small, rooms

EPS = 8 / 255
FREE, PENALTY, BUDGET = Preservation("none"), Preservation("penalty", 2.0), Preservation("budget", 0.05)


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def measured(arp: dict[str, float], **losses: list[float]) -> Measurements:
    """Losses of two samples, and metrics from which the ARP follows: 100 on clean images, lower is better."""
    return Measurements({task: {"error": 100 + value} for task, value in arp.items()}, losses, 0.0, 2, losses)  # type: ignore[arg-type]


@pytest.fixture(name="curve", scope="module")
def _curve() -> StealthCurve:
    clean = measured({"a": 0.0, "b": 0.0, "c": 0.0}, a=[1.0, 2.0], b=[4.0, -2.0], c=[1.0, 0.0])
    attacked = {
        "none": measured({"a": 50.0, "b": 1.0, "c": 2.0}, a=[3.0, 4.0], b=[8.0, -1.0], c=[1.5, 0.0]),
        "penalty": measured({"a": 25.0, "b": 1.0, "c": 2.0}, a=[2.0, 4.0], b=[4.2, -1.9], c=[1.0, 0.0]),
        "budget": measured({"a": 40.0, "b": 1.0, "c": 2.0}, a=[2.5, 3.0], b=[4.0, -2.4], c=[1.1, 0.0]),
    }
    directions = {task: {"error": False} for task in "abc"}
    return StealthCurve(("a",), (FREE, PENALTY, BUDGET), Evaluation(clean, attacked, directions))


def test_damage_and_harm(curve: StealthCurve) -> None:
    assert [curve.damage(i) for i in range(3)] == pytest.approx([1.0, 0.75, 0.625])
    assert curve.preserved == ("b", "c")
    torch.testing.assert_close(curve.harm(0), torch.stack([numbers(1.0, 0.5), numbers(0.5, 0.0)], dim=1))
    torch.testing.assert_close(curve.harm(2), torch.stack([numbers(0.0, -0.2), numbers(0.1, 0.0)], dim=1))


def test_table(curve: StealthCurve) -> None:
    table = curve.to_frame()
    assert list(table.columns) == [
        "attacked", "preservation", "size", "damage", "ARP", "b loss", "b ARP", "c loss", "c ARP", "worst", "unharmed",
    ]  # fmt: skip
    assert table["preservation"].tolist() == ["none", "penalty", "budget"]
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
    assert lines["penalty"] == [pytest.approx([5.0, 75.0])]
    assert lines["none"] == [pytest.approx([75.0, 100.0])]
    assert [axes.get_title() for axes in figure.axes] == ["attacked: a", "attacked: a"]
    with pytest.raises(ValueError, match="curves: expected at least one, found none"):
        stealth_figure([])


def test_the_attacks_and_their_roles() -> None:
    model, tasks = Small(), standard_tasks()
    free, penalty, budget = (
        stealthy(model, tasks, ["normal"], preservation, eps=EPS, steps=7) for preservation in (FREE, PENALTY, BUDGET)
    )
    assert [attack.tasks["depth"].role for attack in (free, penalty, budget)] == ["ignore", "preserve", "preserve"]
    assert [attack.tasks["depth"].budget for attack in (free, penalty, budget)] == [None, None, 0.05]
    assert all(attack.tasks["normal"].role == "attack" for attack in (free, penalty, budget))
    assert (free.balance, budget.balance, budget.steps, budget.random_start) == ("relative", "relative", 7, False)
    for attacked in ([], list(tasks)):
        with pytest.raises(ValueError, match="task: expected some of the tasks, not none and not all"):
            stealthy(model, tasks, attacked, FREE, eps=EPS, steps=7)
    with pytest.raises(ValueError, match="task: expected one of 'segmentation', .* found 'dept'"):
        stealthy(model, tasks, ["dept"], FREE, eps=EPS, steps=7)
    with pytest.raises(ValueError, match="preservation: expected one of 'none', .* found 'gentle'"):
        stealthy(model, tasks, ["depth"], Preservation("gentle"), eps=EPS, steps=7)


def test_without_preservation_it_is_the_single_task_attack() -> None:
    model, tasks, images, targets = Small(), standard_tasks(), *mta.data.Rooms(length=2, size=32, seed=1).render([0, 1])
    free = stealthy(model, tasks, ["depth"], FREE, eps=EPS, steps=4)(images, targets)
    single = mta.APGD(model, tasks, "single:depth", eps=EPS, steps=4, random_start=False)(images, targets)
    assert (free != single).double().mean() < 1e-3


def test_the_penalty_weighs_relative_losses() -> None:
    model, tasks, images, targets = Small(), standard_tasks(), *mta.data.Rooms(length=2, size=32, seed=1).render([0, 1])
    bound = stealthy(model, tasks, ["depth"], PENALTY, eps=EPS, steps=4).bind(images, targets)
    x = (images + 0.01).clamp(0, 1).requires_grad_()
    before, after = tasks.losses(model(images), targets), tasks.losses(model(x), targets)
    ratios = {name: after[name] / before[name].detach() for name in tasks}
    expected = ratios["depth"] - 2 * (ratios["segmentation"] + ratios["normal"])
    torch.testing.assert_close(bound(x), expected, rtol=1e-4, atol=1e-5)
    found, wanted = (torch.autograd.grad(score.sum(), x)[0] for score in (bound(x), expected))
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-6)


def test_a_curve_of_a_small_model(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model, store = NamedModel("small", Small().train()), Store(tmp_path)
    data, tried = rooms(3), [BUDGET, FREE, PENALTY]
    curve = stealth_curve(store, model, data, ["depth"], tried, steps=3, progress=False)
    assert model.model.training
    assert curve.preservations == (FREE, BUDGET, PENALTY)
    images = torch.cat([images for images, _ in data.batches])
    targets = {name: torch.cat([targets[name] for _, targets in data.batches]) for name in data.tasks}
    with torch.no_grad():
        clean = data.tasks.losses(model.model(images), targets)
    for name, loss in curve.clean.items():
        torch.testing.assert_close(loss.float(), clean[name])
    assert curve.damage(0) == 1.0
    assert curve.damage(1) > 0
    assert bool((curve.harm(1) <= 0.05 + 1e-4).all())
    again = stealth_curve(store, model, data, ["depth"], tried, steps=3, progress=False)
    torch.testing.assert_close(again.losses[1]["depth"], curve.losses[1]["depth"])
    assert len(list(tmp_path.iterdir())) == 1 + 3  # the clean images, and each attack


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["stealth", "--task", "normal,depth", "--images", "2", "--steps", "2", "--output", str(tmp_path)]
    assert main(words) == 0
    table = pd.read_csv(tmp_path / "stealth.csv")
    assert set(table["attacked"]) == {"normal+depth"}
    assert table["damage"][0] == 100
    assert (tmp_path / "stealth.png").is_file()
    assert "Stealthy APGD on rooms3/all-shared, eps = 8/255, 2 steps, 2 images" in capsys.readouterr().out
