"""mIoU and pixel accuracy: NumPy, torchmetrics, the papers' variant, and cases by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_jaccard_index

from mt_torchattacks.metrics import SegmentationMetrics
from mt_torchattacks.metrics.segmentation import Miou
from tests.unit.metrics import reference

CLASSES = 4


def scores_of(predicted: torch.Tensor) -> torch.Tensor:
    """Class scores (N, K, ...) whose highest is the predicted class."""
    return torch.nn.functional.one_hot(predicted, CLASSES).movedim(-1, 1).float()


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


def joined(batches: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Class scores and labels of all batches as one sample."""
    predicted, target = (torch.cat(parts, dim=1) for parts in zip(*batches, strict=True))
    return scores_of(predicted), target


@settings(deadline=None, max_examples=50)
@given(batches(), st.sampled_from(["occurring", "true_positive"]))
def test_same_as_numpy_over_the_whole_set(batches: list[tuple[torch.Tensor, torch.Tensor]], miou: Miou) -> None:
    metrics = SegmentationMetrics(CLASSES, miou=miou)
    for predicted, target in batches:
        metrics.update(scores_of(predicted), target)
    found = {name: float(value) for name, value in metrics.compute().items()}
    assert found == pytest.approx(reference.segmentation(*joined(batches), miou=miou), nan_ok=True)


@settings(deadline=None, max_examples=50)
@given(batches())
def test_miou_is_torchmetrics_macro_average(batches: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    scores, target = joined(batches)
    assume(bool((target != 255).any()))  # where no pixel counts torchmetrics has 0
    metrics = SegmentationMetrics(CLASSES)
    metrics.update(scores, target)
    expected = multiclass_jaccard_index(scores, target, CLASSES, average="macro", ignore_index=255)
    assert float(metrics.compute()["miou"]) == pytest.approx(float(expected))


def test_a_class_that_is_never_right_counts() -> None:
    """Class 0: 1 of 2 in the union; class 1 is only in the target, class 2 only predicted: both 0; class 3 nowhere."""
    metrics = SegmentationMetrics(CLASSES)
    metrics.update(scores_of(torch.tensor([[0, 0, 2]])), torch.tensor([[0, 1, 0]]))
    assert float(metrics.compute()["miou"]) == pytest.approx((1 / 3 + 0 + 0) / 3)


def test_the_papers_variant_leaves_out_classes_without_a_correct_pixel() -> None:
    """The same predictions: class 0 alone is left."""
    metrics = SegmentationMetrics(CLASSES, miou="true_positive")
    metrics.update(scores_of(torch.tensor([[0, 0, 2]])), torch.tensor([[0, 1, 0]]))
    assert float(metrics.compute()["miou"]) == pytest.approx(1 / 3)


def test_the_papers_variant_can_rise_when_a_class_is_lost() -> None:
    """Class 1, barely right before, is lost; class 0 is untouched. The standard mIoU falls, the variant rises."""
    target = torch.tensor([[0, 0, 1, 1, 1]])
    before, after = torch.tensor([[0, 0, 1, 2, 2]]), torch.tensor([[0, 0, 2, 2, 2]])
    found = {}
    for miou in ("occurring", "true_positive"):
        for name, predicted in (("before", before), ("after", after)):
            metrics = SegmentationMetrics(CLASSES, miou=miou)
            metrics.update(scores_of(predicted), target)
            found[miou, name] = float(metrics.compute()["miou"])
    assert (found["occurring", "before"], found["occurring", "after"]) == pytest.approx((4 / 9, 1 / 3))
    assert (found["true_positive", "before"], found["true_positive", "after"]) == pytest.approx((2 / 3, 1))


def test_the_papers_variant_is_0_where_nothing_is_right() -> None:
    """A number, not 0 / 0: an attack can get that far."""
    metrics = SegmentationMetrics(CLASSES, miou="true_positive")
    metrics.update(scores_of(torch.tensor([[1, 0]])), torch.tensor([[0, 1]]))
    assert float(metrics.compute()["miou"]) == 0.0


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
