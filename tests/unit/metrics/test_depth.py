"""Depth errors against NumPy, and cases by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_torchattacks.metrics import DepthMetrics
from tests.unit.metrics import reference

PIXELS = st.lists(st.tuples(st.floats(-1, 10, width=32), st.floats(-1, 10, width=32)), min_size=1, max_size=8)


def metrics_of(*batches: list[tuple[float, float]]) -> dict[str, float]:
    metrics = DepthMetrics()
    for batch in batches:
        predicted, true = torch.tensor(batch).T.reshape(2, 1, 1, -1, 1)
        metrics.update(predicted, true)
    return {name: float(value) for name, value in metrics.compute().items()}


@settings(deadline=None, max_examples=50)
@given(PIXELS, PIXELS)
def test_same_as_numpy_over_the_whole_set(first: list[tuple[float, float]], second: list[tuple[float, float]]) -> None:
    predicted, true = torch.tensor(first + second).T
    assert metrics_of(first, second) == pytest.approx(reference.depth(predicted, true), nan_ok=True)


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
