"""Evaluation with metrics of torchmetrics: a number or a dict of numbers, and which way is better."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy, MulticlassCalibrationError, MulticlassConfusionMatrix

import mt_torchattacks as mta
from mt_torchattacks.evaluation import NamedData, NamedModel, Store
from mt_torchattacks.evaluation.specs import AttackSpec


class Scores(nn.Module):
    """The image's three pixels are the scores of three classes, for both heads."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        scores = images.flatten(1)
        return {"left": scores, "right": scores}


TASKS = mta.standard_tasks({"left": "classification", "right": "classification"})
IMAGES = torch.eye(3).view(3, 3, 1, 1)
BATCH = (IMAGES, {"left": torch.tensor([0, 1, 2]), "right": torch.tensor([0, 1, 1])})


def rolled(images: Tensor, targets: Any) -> Tensor:
    return images.roll(1, dims=0)


class Counted(Metric):
    """A metric whose result is a dict: one number that should be high, one that should be low."""

    higher_is_better = None
    full_state_update = False

    def __init__(self, directions: dict[str, bool] | None) -> None:
        super().__init__()
        self.add_state("right", torch.zeros(2), dist_reduce_fx="sum")
        if directions is not None:
            self.directions = directions

    def update(self, output: Tensor, target: Tensor) -> None:
        hits = (output.argmax(dim=1) == target).float()
        self.right += torch.stack([hits.sum(), (1 - hits).sum()])

    def compute(self) -> dict[str, Tensor]:
        return {"hits": self.right[0], "misses": self.right[1]}


def evaluated(metric: Metric) -> mta.evaluation.Evaluation:
    return mta.evaluate(Scores(), TASKS, [BATCH], {"rolled": rolled}, {"right": metric}, progress=False)


def test_a_number_is_named_after_its_class_and_knows_its_direction() -> None:
    found = evaluated(MulticlassAccuracy(3, average="micro"))
    assert found.clean.metrics["right"] == pytest.approx({"MulticlassAccuracy": 2 / 3})
    assert found.attacked["rolled"].metrics["right"] == pytest.approx({"MulticlassAccuracy": 1 / 3})
    assert found.directions == {"left": {"error": False}, "right": {"MulticlassAccuracy": True}}
    assert found.relative["rolled"].per_task["right"] == pytest.approx(50.0)


def test_a_metric_that_is_better_when_low() -> None:
    assert evaluated(MulticlassCalibrationError(3)).directions["right"] == {"MulticlassCalibrationError": False}


def test_a_dict_with_directions_of_its_own() -> None:
    found = evaluated(Counted({"hits": True, "misses": False}))
    assert found.clean.metrics["right"] == {"hits": 2.0, "misses": 1.0}
    assert found.relative["rolled"].changes["right"] == pytest.approx({"hits": 50.0, "misses": 100.0})


def test_cells_of_a_store_take_them_too(tmp_path: Path) -> None:
    metrics = {"left": MulticlassAccuracy(3, average="micro"), "right": Counted({"hits": True, "misses": False})}
    data = NamedData("three", [BATCH], TASKS, metrics)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a clean value that is 0 has no relative change
        found = mta.evaluation.evaluate_cells(
            Store(tmp_path), NamedModel("scores", Scores()), data, [AttackSpec("fgsm")], progress=False
        )
    assert found.directions == {"left": {"MulticlassAccuracy": True}, "right": {"hits": True, "misses": False}}


@pytest.mark.parametrize(
    ("metric", "error", "message"),
    [
        (Counted(None), ValueError, r"metrics\['right'\]: expected a metric that says whether higher is better"),
        (MulticlassConfusionMatrix(3), ValueError, "expected a metric that says whether higher is better"),
        (
            MulticlassAccuracy(3, average="none"),
            ValueError,
            r"a number, or a dict of numbers, found float32 of shape \(3,\)",
        ),
        (lambda output, target: 0.0, TypeError, r"metrics\['right'\]: expected a torchmetrics.Metric, found function"),
    ],
)
def test_what_does_not_fit(metric: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        evaluated(metric)
