"""Every metric against NumPy on what real data holds: holes, classes that nobody has, half types, one pixel."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mt_torchattacks.metrics import DepthMetrics, NormalMetrics, SegmentationMetrics, TaskError, TaskMetrics
from mt_torchattacks.metrics.normal import BINS_PER_DEGREE
from mt_torchattacks.tasks import losses
from tests.unit.metrics import reference

CLASSES = 5
METRICS: dict[str, tuple[TaskMetrics, Callable[[Tensor, Tensor], dict[str, float]]]] = {
    "segmentation": (SegmentationMetrics(CLASSES), reference.segmentation),
    "papers_segmentation": (
        SegmentationMetrics(CLASSES, miou="true_positive"),
        lambda output, target: reference.segmentation(output, target, miou="true_positive"),
    ),
    "normal": (NormalMetrics(), reference.normal),
    "depth": (DepthMetrics(), reference.depth),
}


def batch(task: str, *shape: int) -> tuple[Tensor, Tensor]:
    """Random outputs and targets, all valid; class 4 occurs neither in targets nor in predictions."""
    generator = torch.Generator().manual_seed(math.prod(shape))
    samples, *size = shape
    if "segmentation" in task:
        output = torch.randn(samples, CLASSES, *size, generator=generator)
        output[:, 4] = -100
        return output, torch.randint(0, 4, shape, generator=generator)
    channels = 3 if task == "normal" else 1
    target = torch.rand(samples, channels, *size, generator=generator) + 0.1
    return target + 0.5 * torch.randn(target.shape, generator=generator), target


def assert_same_as_numpy(task: str, output: Tensor, target: Tensor) -> None:
    metrics, by_numpy = METRICS[task]
    metrics.reset()
    for part, true in zip(output.split(2), target.split(2), strict=True):
        metrics.update(part, true)
    found = {name: float(value) for name, value in metrics.compute().items()}
    expected = by_numpy(output, target)
    assert list(found) == list(expected) == list(metrics.directions)
    if task == "normal":
        half_a_bin = 0.5 / BINS_PER_DEGREE + 1e-9
        assert found.pop("median") == pytest.approx(expected.pop("median"), abs=half_a_bin, nan_ok=True)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("task", METRICS)
def test_output_of_any_dtype(task: str, dtype: torch.dtype) -> None:
    output, target = batch(task, 5, 4, 6)
    assert_same_as_numpy(task, output.to(dtype), target)


@pytest.mark.parametrize("task", METRICS)
def test_one_pixel(task: str) -> None:
    assert_same_as_numpy(task, *batch(task, 1, 1, 1))


@pytest.mark.parametrize("task", METRICS)
def test_no_valid_pixel_is_nan(task: str) -> None:
    output, target = batch(task, 3, 2, 2)
    hole = torch.full_like(target, 255 if "segmentation" in task else 0)
    assert_same_as_numpy(task, output, hole)
    assert all(value.isnan() for value in METRICS[task][0].compute().values())


@pytest.mark.parametrize("task", METRICS)
def test_holes_and_whole_samples_without_a_target(task: str) -> None:
    output, target = batch(task, 4, 3, 3)
    target[1] = target[..., :2, 0] = 255 if "segmentation" in task else 0
    assert_same_as_numpy(task, output, target)


@pytest.mark.parametrize("task", ["normal", "depth"])
def test_nan_targets_are_holes(task: str) -> None:
    """As for the losses, whose masks say where a target is valid."""
    output, target = batch(task, 3, 3, 3)
    zero, nan = target.clone(), target.clone()
    zero[..., 1], nan[..., 1] = 0, math.nan
    assert_same_as_numpy(task, output, nan)
    with_nan = METRICS[task][0].compute()
    assert_same_as_numpy(task, output, zero)
    assert METRICS[task][0].compute() == with_nan


@pytest.mark.parametrize("task", ["normal", "depth"])
@pytest.mark.parametrize("factor", [-1, 0])
def test_negative_and_zero_predictions(task: str, factor: int) -> None:
    output, target = batch(task, 3, 3, 3)
    output[:, :, 0] = factor * output[:, :, 0].abs()
    assert_same_as_numpy(task, output, target)


@pytest.mark.parametrize("task", ["segmentation", "papers_segmentation"])
def test_a_class_only_in_targets_and_one_only_in_predictions(task: str) -> None:
    output, target = batch(task, 2, 4, 4)
    output[:, 0] = -100
    target[target == 1] = 2
    assert_same_as_numpy(task, output, target)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_labels_of_any_integer_dtype(dtype: torch.dtype) -> None:
    output, target = batch("segmentation", 2, 4, 4)
    target[0] = 255
    assert_same_as_numpy("segmentation", output, target.to(dtype))


def test_the_error_of_a_task_leaves_out_samples_without_a_target() -> None:
    output = torch.tensor([[1.0], [5.0], [3.0]]).reshape(3, 1, 1, 1)
    target = torch.tensor([2.0, 0.0, math.nan]).reshape(3, 1, 1, 1)
    error = TaskError(losses.L1(valid=losses.positive))
    error.update(output, target)
    assert float(error.compute()["error"]) == 1.0
    labels = TaskError(losses.CrossEntropy(ignore_index=255))
    labels.update(torch.zeros(2, 3), torch.tensor([0, 255]))
    assert float(labels.compute()["error"]) == pytest.approx(math.log(3))
    error.reset()
    error.update(output[1:], target[1:])
    assert error.compute()["error"].isnan()
