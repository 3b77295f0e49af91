"""mIoU and pixel accuracy against a loop over pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_torchattacks.metrics import SegmentationMetrics

CLASSES = 4


def scores_of(predicted: torch.Tensor) -> torch.Tensor:
    """Class scores (N, K, ...) whose highest is the predicted class."""
    return torch.nn.functional.one_hot(predicted, CLASSES).movedim(-1, 1).float()


def by_loops(predicted: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Mean IoU over the classes that occur, and accuracy, from sets of pixels; NaN without a valid pixel."""
    valid = [i for i in range(target.size) if target.flat[i] != 255]
    ious = []
    for k in range(CLASSES):
        there = {i for i in valid if target.flat[i] == k}
        found = {i for i in valid if predicted.flat[i] == k}
        if there | found:
            ious.append(len(there & found) / len(there | found))
    hits = sum(int(predicted.flat[i] == target.flat[i]) for i in valid)
    return (sum(ious) / len(ious), hits / len(valid)) if valid else (math.nan, math.nan)


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[torch.Tensor, torch.Tensor]]:
    labels = st.sampled_from([0, 1, 2, 3, 255])
    pixels = draw(st.integers(1, 6))
    return [
        (
            torch.tensor(draw(st.lists(st.integers(0, CLASSES - 1), min_size=pixels, max_size=pixels))).reshape(1, -1),
            torch.tensor(draw(st.lists(labels, min_size=pixels, max_size=pixels))).reshape(1, -1),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]


@settings(deadline=None)
@given(batches())
def test_same_as_loops_over_the_whole_set(batches: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    metrics = SegmentationMetrics(CLASSES)
    for predicted, target in batches:
        metrics.update(scores_of(predicted), target)
    predicted, target = (torch.cat(parts, dim=1).numpy() for parts in zip(*batches, strict=True))
    found = metrics.compute()
    assert [float(found["miou"]), float(found["pixel_acc"])] == pytest.approx(by_loops(predicted, target), nan_ok=True)


def test_a_class_that_is_never_right_counts() -> None:
    """Class 0: 1 of 2 in the union; class 1 is only in the target, class 2 only predicted: both 0; class 3 nowhere."""
    metrics = SegmentationMetrics(CLASSES)
    metrics.update(scores_of(torch.tensor([[0, 0, 2]])), torch.tensor([[0, 1, 0]]))
    assert float(metrics.compute()["miou"]) == pytest.approx((1 / 3 + 0 + 0) / 3)


def test_a_prediction_at_an_ignored_pixel_does_not_make_its_class_occur() -> None:
    metrics = SegmentationMetrics(CLASSES)
    metrics.update(scores_of(torch.tensor([[1, 3]])), torch.tensor([[1, 255]]))
    assert float(metrics.compute()["miou"]) == 1.0


def test_a_tie_goes_to_the_first_class() -> None:
    metrics = SegmentationMetrics(CLASSES)
    metrics.update(torch.zeros(1, CLASSES, 2, 2), torch.tensor([[[0, 0], [0, 1]]]))
    assert float(metrics.compute()["pixel_acc"]) == 0.75


def test_another_ignore_index() -> None:
    metrics = SegmentationMetrics(CLASSES, ignore_index=-1)
    metrics.update(scores_of(torch.tensor([[1, 2]])), torch.tensor([[1, -1]]))
    assert float(metrics.compute()["pixel_acc"]) == 1.0


def test_counts_are_exact_beyond_single_precision() -> None:
    """2^24 + 1 is where float32 stops counting."""
    metrics = SegmentationMetrics(2)
    metrics.total += torch.tensor([[2**24, 0], [0, 0]])
    metrics.update(torch.tensor([[[1.0], [0.0]]]), torch.tensor([[0]]))
    assert int(metrics.total[0, 0]) == 2**24 + 1


@pytest.mark.parametrize(
    ("output", "target", "message"),
    [
        (torch.zeros(1, 3, 2), torch.zeros(1, 2, dtype=torch.int64), r"output: expected shape \(N, 4, ...\)"),
        (torch.zeros(1, 4, 2), torch.zeros(1, 3, dtype=torch.int64), r"target: expected shape \(1, 2\)"),
        (torch.zeros(1, 4, 2), torch.tensor([[0, 7]]), r"labels in \[0, 4\) or 255, found also \[7\]"),
        (torch.zeros(1, 4, 2), torch.tensor([[0, -1]]), r"found also \[-1\]"),
        (torch.full((1, 4, 2), math.nan), torch.zeros(1, 2, dtype=torch.int64), "output: expected finite values"),
    ],
)
def test_bad_input(output: torch.Tensor, target: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SegmentationMetrics(CLASSES).update(output, target)


def test_labels_of_another_kind() -> None:
    with pytest.raises(TypeError, match="target: expected an integer dtype"):
        SegmentationMetrics(CLASSES).update(torch.zeros(1, 4, 2), torch.zeros(1, 2))
