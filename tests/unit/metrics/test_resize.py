"""Outputs at another resolution than their targets: an error, or resized as for the losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mt_torchattacks.dense import resized
from mt_torchattacks.metrics import DepthMetrics, NormalMetrics, SegmentationMetrics, TaskError, TaskMetrics
from mt_torchattacks.tasks import losses
from tests.unit.metrics import reference


def quarter(task: str) -> tuple[Tensor, Tensor]:
    """Outputs of 2 x 3 pixels for targets of 8 x 12."""
    generator = torch.Generator().manual_seed(0)
    if task == "segmentation":
        return torch.randn(2, 4, 2, 3, generator=generator), torch.randint(0, 4, (2, 8, 12), generator=generator)
    channels = 3 if task == "normal" else 1
    shapes = ((2, channels, 2, 3), (2, channels, 8, 12))
    output, target = (torch.rand(shape, generator=generator) + 0.1 for shape in shapes)
    return output, target


def metrics(task: str, resize: str | None = None) -> TaskMetrics:
    if task == "segmentation":
        return SegmentationMetrics(4, resize=resize)
    return NormalMetrics(resize=resize) if task == "normal" else DepthMetrics(resize=resize)


@pytest.mark.parametrize("task", ["segmentation", "normal", "depth"])
def test_bilinear_is_numpy_on_the_resized_output(task: str) -> None:
    output, target = quarter(task)
    found = metrics(task, resize="bilinear")
    found.update(output, target)
    expected = getattr(reference, task)(torch.from_numpy(reference.bilinear(output, 8, 12)), target)
    assert {name: float(value) for name, value in found.compute().items()} == pytest.approx(expected, abs=6e-3)
    exact = [name for name in expected if name not in ("mean", "median")]
    assert {name: float(found.compute()[name]) for name in exact} == pytest.approx({n: expected[n] for n in exact})


def test_nearest_repeats_pixels() -> None:
    output, target = quarter("depth")
    found = DepthMetrics(resize="nearest")
    found.update(output, target)
    repeated = np.repeat(np.repeat(output.numpy(), 4, axis=2), 4, axis=3)
    assert float(found.compute()["abs"]) == pytest.approx(float(abs(repeated - target.numpy()).mean()))


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_losses_resize_alike(mode: str) -> None:
    output, target = quarter("depth")
    found, loss = DepthMetrics(resize=mode), TaskError(losses.L1(resize=mode))
    for meter in (found, loss):
        meter.update(output, target)
    assert float(found.compute()["abs"]) == pytest.approx(float(loss.compute()["error"]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_are_resized_in_float32(dtype: torch.dtype) -> None:
    output, target = quarter("depth")
    expected = resized(output.to(dtype).float(), target, "bilinear")
    assert torch.equal(resized(output.to(dtype), target, "bilinear"), expected)


def test_an_output_that_fits_stays_as_it_is() -> None:
    _, target = quarter("depth")
    assert resized(target, target, "bicubic") is target
    classes = torch.zeros(2, 4)
    assert resized(classes, torch.zeros(2), "bilinear") is classes


@pytest.mark.parametrize("task", ["segmentation", "normal", "depth"])
def test_another_size_is_an_error_with_the_way_out(task: str) -> None:
    with pytest.raises(ValueError, match=r"height and width \(2, 3\), found \(8, 12\); .* resize='bilinear'"):
        metrics(task).update(*quarter(task))


@pytest.mark.parametrize("task", ["segmentation", "normal", "depth"])
def test_an_unknown_mode(task: str) -> None:
    with pytest.raises(ValueError, match="resize: expected one of 'bilinear', 'nearest', 'bicubic', found 'cubic'"):
        metrics(task, resize="cubic")
