"""Accuracy against a loop and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, recall_score

from mt_torchattacks.metrics import ClassificationMetrics


def batch(samples: int = 60, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    labels = torch.randint(classes, (samples,), generator=generator)
    scores = torch.randn(samples, classes, generator=generator)
    scores[torch.arange(samples), labels] += 0.5
    labels[::7] = -100
    return scores, labels


def by_loop(scores: torch.Tensor, labels: torch.Tensor, classes: int = 4) -> dict[str, float]:
    right, there = [0.0] * classes, [0.0] * classes
    for line, label in zip(scores.double().tolist(), labels.tolist(), strict=True):
        if label >= 0:
            there[label] += 1
            right[label] += max(range(classes), key=line.__getitem__) == label
    return {"accuracy": sum(right) / sum(there)} | {f"class_{k}": right[k] / there[k] for k in range(classes)}


def test_against_a_loop() -> None:
    scores, labels = batch()
    metrics = ClassificationMetrics(4, per_class=True)
    for part, true in zip(scores.split(13), labels.split(13), strict=True):
        metrics.update(part, true)
    found = {name: float(value) for name, value in metrics.compute().items()}
    assert found == pytest.approx(by_loop(scores, labels), rel=1e-12)
    assert list(found) == list(metrics.directions) == ["accuracy", "class_0", "class_1", "class_2", "class_3"]


def test_against_scikit_learn() -> None:
    scores, labels = batch()
    metrics = ClassificationMetrics(4, per_class=True)
    metrics.update(scores, labels)
    found = [float(value) for value in metrics.compute().values()]
    true, predicted = labels[labels >= 0].numpy(), scores.argmax(1)[labels >= 0].numpy()
    expected = [accuracy_score(true, predicted), *recall_score(true, predicted, average=None)]
    assert found == pytest.approx(expected, rel=1e-12)


def test_classes_alone_have_no_more_metrics_than_asked_for() -> None:
    metrics = ClassificationMetrics(4)
    metrics.update(*batch())
    assert metrics.compute().keys() == metrics.directions.keys() == {"accuracy"}


def test_a_class_that_no_image_has_is_undefined_and_so_is_nothing_at_all() -> None:
    metrics = ClassificationMetrics(3, per_class=True)
    metrics.update(torch.eye(3), torch.tensor([0, 0, -100]))
    found = {name: float(value) for name, value in metrics.compute().items()}
    assert found["accuracy"] == found["class_0"] == 0.5
    assert math.isnan(found["class_1"]) and math.isnan(found["class_2"])
    metrics.reset()
    metrics.update(torch.eye(3), torch.full((3,), -100))
    assert np.isnan([float(value) for value in metrics.compute().values()]).all()


@pytest.mark.parametrize(
    ("scores", "labels", "error", "message"),
    [
        (torch.zeros(2, 4), torch.tensor([0, 1]), ValueError, r"output: expected shape \(N, 3\)"),
        (torch.zeros(2, 3), torch.tensor([0]), ValueError, r"target: expected shape \(2,\)"),
        (torch.zeros(2, 3), torch.tensor([0.0, 1.0]), TypeError, "target: expected an integer dtype"),
        (torch.zeros(2, 3), torch.tensor([0, 3]), ValueError, r"labels in \[0, 3\) or -100, found also \[3\]"),
        (torch.full((2, 3), math.nan), torch.tensor([0, 1]), ValueError, "output: expected finite values"),
    ],
)
def test_what_does_not_fit(scores: torch.Tensor, labels: torch.Tensor, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ClassificationMetrics(3).update(scores, labels)
