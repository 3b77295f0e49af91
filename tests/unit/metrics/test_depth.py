"""Depth errors against a loop over pixels."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_torchattacks.metrics import DepthMetrics

PIXELS = st.lists(st.tuples(st.floats(-1, 10, width=32), st.floats(-1, 10, width=32)), min_size=1, max_size=8)


def by_loops(pixels: list[tuple[float, float]]) -> dict[str, float]:
    """Metrics of pixels (predicted, true); NaN without a valid one."""
    sums = dict.fromkeys(("abs", "rel", "delta_1.25", "delta_1.25^2", "delta_1.25^3"), 0.0)
    valid = [(predicted, true) for predicted, true in pixels if true > 0]
    for predicted, true in valid:
        sums["abs"] += abs(predicted - true)
        sums["rel"] += abs(predicted - true) / true
        for power, name in enumerate(("delta_1.25", "delta_1.25^2", "delta_1.25^3"), start=1):
            sums[name] += predicted > 0 and predicted < 1.25**power * true and true < 1.25**power * predicted
    return {name: value / len(valid) if valid else math.nan for name, value in sums.items()}


def metrics_of(*batches: list[tuple[float, float]]) -> dict[str, float]:
    metrics = DepthMetrics()
    for batch in batches:
        predicted, true = torch.tensor(batch).T.reshape(2, 1, 1, -1, 1)
        metrics.update(predicted, true)
    return {name: float(value) for name, value in metrics.compute().items()}


@settings(deadline=None)
@given(PIXELS, PIXELS)
def test_same_as_loops_over_the_whole_set(first: list[tuple[float, float]], second: list[tuple[float, float]]) -> None:
    assert metrics_of(first, second) == pytest.approx(by_loops(first + second), nan_ok=True)


def test_thresholds_are_exclusive_and_hold_in_both_directions() -> None:
    found = metrics_of([(1.25, 1.0), (1.0, 1.25), (1.249, 1.0), (1.0, 1.249)])
    assert found["delta_1.25"] == 0.5
    assert found["delta_1.25^2"] == 1.0


def test_a_negative_prediction_is_within_no_delta() -> None:
    """The ratio of numbers of different signs is negative, hence below every threshold."""
    assert metrics_of([(-1.0, 1.0), (0.0, 1.0)])["delta_1.25^3"] == 0.0


def test_a_sample_without_a_valid_pixel_changes_nothing() -> None:
    assert metrics_of([(2.0, 1.0)], [(5.0, 0.0), (1.0, -1.0)]) == metrics_of([(2.0, 1.0)])


@pytest.mark.parametrize(
    ("output", "target", "message"),
    [
        (torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2), r"target: expected shape \(1, 1, 2, 2\)"),
        (torch.full((1, 1), math.inf), torch.ones(1, 1), "output: expected finite values"),
        (torch.ones(1, 1), torch.full((1, 1), math.inf), "target: expected finite values"),
    ],
)
def test_bad_input(output: torch.Tensor, target: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DepthMetrics().update(output, target)
