"""A new kind of task is one file, wherever it stands: everything that asks for a task's name then knows it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mt_torchattacks.data.augment import JointAugmentation, crop, mirror, resize
from mt_torchattacks.data.check import READERS, check_data
from mt_torchattacks.evaluation import evaluate
from mt_torchattacks.evaluation.specs import with_errors
from mt_torchattacks.report.paper import PaperRow, paper_row, paper_table
from mt_torchattacks.report.pictures import pictures
from mt_torchattacks.report.predictions import prediction_figure
from mt_torchattacks.tasks import error_tasks, kinds, standard_metrics, standard_tasks
from mt_torchattacks.training import MeanPrediction
from mt_torchattacks.training.recipe import Recipe

HEAT = '''
"""Heat that flows right and down, in watts; and zones of a thermal image."""

from mt_torchattacks import losses
from mt_torchattacks.metrics import SegmentationMetrics, TaskMetrics
from mt_torchattacks.tasks.kinds import Drawing, Kind
from mt_torchattacks.tasks.kinds.labels import Labels
import torch


class HeatMetrics(TaskMetrics):
    directions = {"accuracy": False, "near_1": True, "far_share": False}

    def __init__(self):
        super().__init__(torch.zeros(4, dtype=torch.float64))

    def statistics(self, output, target):
        error = (output - target).double()
        counts = (error.abs() < 1).sum(), (error.abs() > 0.1).sum(), torch.tensor(error.numel())
        return torch.stack([error.square().sum(), *counts])

    def scores(self, total):
        squares, near, far = total[:3] / total[3]
        return {"accuracy": squares.sqrt(), "near_1": near, "far_share": far}


class Heat(Kind):
    names = ("heat", "heat_at_night")
    unit = "W"
    padding = -7
    power = 2.0
    short = "ht"
    shares = ("near_*",)
    columns = {"near_1": "1W", "error": "loss"}

    def channels(self, num_classes):
        return 2

    def loss(self, *, class_weights=None, resize=None):
        return losses.MSE(resize=resize)

    def error(self, *, resize=None):
        return losses.Huber(resize=resize)

    def metrics(self, num_classes=0, *, resize=None, **options):
        return HeatMetrics()

    def constant(self, sums, num_classes):
        return torch.tensor([3.0, 4.0])

    def mirrored(self, target, width):
        return super().mirrored(target, width) * torch.tensor([-1.0, 1.0]).view(2, 1, 1)

    def described(self, values):
        return "watts"

    def doubts(self, values, usual=None):
        return [f"cold, usual is {usual}"]

    def drawn(self, target, outputs, size=None):
        return [Drawing(sample.norm(dim=0), 0.0, 5.0) for sample in (target, *outputs)]


class Zones(Labels):
    names = ("zones",)
    ignored = padding = 99
    element = "spot"

    def metrics(self, num_classes=0, *, resize=None, **options):
        return SegmentationMetrics(num_classes, self.ignored)
'''
OVEN = '''
from pathlib import Path

import torch

from mt_torchattacks.data._readers.base import Reader


class Oven(Reader):
    """One item of 4 x 4 pixels."""

    TASKS = USUAL = ("heat", "zones")
    num_classes = 3

    def __init__(self, root, split="train", tasks=USUAL):
        super().__init__(root, tasks, None, None)

    def __len__(self):
        return 1

    def file(self, index, name):
        return Path("oven")

    def read(self, index, name):
        return {"image": torch.rand(3, 4, 4), "heat": torch.rand(2, 4, 4), "zones": torch.full((4, 4), 99)}[name]
'''


@pytest.fixture(autouse=True)
def oven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Another package with a kind and a data set, gone after the test."""
    package = tmp_path / "thermal"
    package.mkdir()
    for name, source in {"__init__": "", "heat": HEAT, "oven": OVEN}.items():
        (package / f"{name}.py").write_text(source, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("thermal.heat")
    monkeypatch.setitem(READERS, "oven", importlib.import_module("thermal.oven").Oven)
    yield
    for name in ("thermal", "thermal.heat", "thermal.oven"):
        sys.modules.pop(name)


IMAGES = torch.rand(2, 3, 4, 6)
TARGETS = {"heat": torch.rand(2, 2, 4, 6) * 3, "zones": torch.randint(3, (2, 4, 6))}


class Model(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"heat": images[:, :2] * 2, "zones": images * 5}


def test_losses_errors_and_metrics() -> None:
    weights = torch.ones(3)
    tasks = standard_tasks(["heat", "zones"], class_weights=weights)
    assert repr(tasks["heat"].loss) == "MSE()" and "weight=(3,)" in repr(tasks["zones"].loss)
    assert [repr(task.loss).split("(")[0] for task in error_tasks(["heat", "zones"]).values()] == [
        "Huber",
        "ExpectedError",
    ]
    assert repr(with_errors(tasks)["heat"].loss) == "Huber(delta=1.0)"
    metrics = standard_metrics(["heat_at_night", "zones"], 3)
    assert [type(found).__name__ for found in metrics.values()] == ["HeatMetrics", "SegmentationMetrics"]
    with pytest.raises(TypeError, match="the number of classes of the task 'zones'"):
        standard_metrics(["heat", "zones"])
    with pytest.raises(ValueError, match="'heat', 'heat_at_night'.*'zones', found 'cold'"):
        standard_tasks(["cold"])


def test_heads_of_a_recipe_and_classes_of_heads() -> None:
    recipe = Recipe("x", "tiny_resnet", {}, "all_shared", {"tasks": ["heat", "zones", "depth"]}, {}, {}, {})
    assert recipe.heads(13) == {"heat": 2, "zones": 13, "depth": 1}
    assert kinds.number_of_classes({"heat": 2, "zones": 9}) == 9


def test_the_mean_prediction() -> None:
    samples = [(IMAGES[i], {name: target[i] for name, target in TARGETS.items()}) for i in range(2)]
    found = MeanPrediction(samples, 3)(IMAGES)
    assert found["heat"][1, :, 2, 3].tolist() == [3.0, 4.0]
    most = TARGETS["zones"].flatten().mode().values
    assert found["zones"].shape == (2, 3, 4, 6) and bool((found["zones"].argmax(dim=1) == most).all())


def test_augmentation() -> None:
    image, targets = IMAGES[0], {name: target[0] for name, target in TARGETS.items()}
    _, mirrored = mirror(image, targets)
    assert torch.equal(mirrored["heat"][0], -targets["heat"][0].flip(-1))
    assert torch.equal(mirrored["heat"][1], targets["heat"][1].flip(-1))
    _, padded = crop(image, targets, (6, 6), (0.0, 0.0))
    assert padded["heat"][:, 0].unique().tolist() == [-7] and padded["zones"][0].unique().tolist() == [99]
    _, larger = resize(image, targets, (8, 12))
    augmented = JointAugmentation((8, 12), scale=(2.0, 2.0))(image, targets, torch.tensor([0.0, 0.9, 0.0, 0.0]))
    torch.testing.assert_close(augmented[1]["heat"], larger["heat"] * 4)
    kept = JointAugmentation((8, 12), scale=(2.0, 2.0), powers={})(image, targets, torch.tensor([0.0, 0.9, 0.0, 0.0]))
    assert torch.equal(kept[1]["heat"], larger["heat"])


def test_the_check_of_a_data_set(tmp_path: Path) -> None:
    findings = check_data("oven", tmp_path)
    assert findings.facts[2:] == ("heat: watts", "zones: 0 classes seen, 100% of the spots ignored")
    assert findings.problems == ("heat: cold, usual is None", "zones: no spot has a class")


def test_pictures_and_their_legend() -> None:
    (picture,) = pictures("heat", [TARGETS["heat"][0]])
    assert (picture.low, picture.high) == (0, 5)
    assert torch.equal(picture.values, TARGETS["heat"][0].norm(dim=0))
    assert pictures("zones", [torch.tensor([[99, 1]])])[0].values[0, 0].tolist() == [0, 0, 0]
    outputs = Model()(IMAGES)
    figure = prediction_figure(IMAGES, IMAGES, TARGETS, outputs, outputs, class_names=["cold", "warm", "hot"])
    assert {axes.get_title() for axes in figure.axes} >= {"heat (W)", "zones"}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["cold", "warm", "hot"]


def test_the_rows_of_tables() -> None:
    row = paper_row(
        Model(), [(IMAGES, TARGETS)], attack=lambda x, y: x / 2, tasks=["heat", "zones"], num_classes=3, progress=False
    )
    expected = ["ht_accuracy_down", "ht_1W_up", "ht_far_share_down", "zones_miou_up", "zones_pixel_acc_up"]
    assert list(row.clean) == expected
    near = standard_metrics(["heat"])["heat"]
    near.update(Model()(IMAGES)["heat"], TARGETS["heat"])
    assert row.clean["ht_1W_up"] == pytest.approx(100 * float(near.compute()["near_1"]))
    # The accuracy of a thermometer is no share, though that of a classification is.
    assert row.clean["ht_accuracy_down"] == pytest.approx(float(near.compute()["accuracy"]))
    accuracy = (Model()(IMAGES)["zones"].argmax(1) == TARGETS["zones"]).double().mean()
    assert row.clean["zones_pixel_acc_up"] == pytest.approx(100 * float(accuracy))
    assert list(paper_table(row.evaluation)) == [*expected[:3], "ARP_t1", *expected[3:], "ARP_t2", "ARP"]
    losses = evaluate(Model(), standard_tasks(["heat"]), [(IMAGES, TARGETS)], progress=False)
    assert list(PaperRow(losses).clean) == ["ht_loss_down"]


def test_one_name_is_of_one_kind() -> None:
    with pytest.raises(ValueError, match="names: expected each name of one kind only, found 'heat' of both Heat and"):
        type("Fever", (kinds.Kind,), {"names": ("heat",)})
    importlib.reload(importlib.import_module("thermal.heat"))
    assert type(kinds.get("heat")) is importlib.import_module("thermal.heat").Heat
