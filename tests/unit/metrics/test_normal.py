"""Angles of normals against NumPy, in float64, on all pixels at once."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_torchattacks.metrics import NormalMetrics
from mt_torchattacks.metrics.functional import angles
from mt_torchattacks.metrics.normal import BINS_PER_DEGREE
from tests.unit.metrics import reference

HALF_A_BIN = 0.5 / BINS_PER_DEGREE + 1e-9


def in_batches(output: torch.Tensor, target: torch.Tensor, size: int) -> dict[str, float]:
    metrics = NormalMetrics()
    for part, true in zip(output.split(size), target.split(size), strict=True):
        metrics.update(part, true)
    return {name: float(value) for name, value in metrics.compute().items()}


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**31), samples=st.integers(1, 5), side=st.integers(1, 4), noise=st.floats(0.01, 3))
def test_same_as_numpy_on_the_whole_set(seed: int, samples: int, side: int, noise: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    target = torch.nn.functional.normalize(torch.randn(samples, 3, side, side, generator=generator), dim=1)
    output = 5 * (target + noise * torch.randn(target.shape, generator=generator))
    holes = torch.rand(samples, 1, side, side, generator=generator) < 0.3
    holes[0, 0, 0, 0] = False
    target = torch.where(holes, 0, target)
    expected = reference.normal(output, target)
    found = in_batches(output, target, size=2)
    assert found.pop("median") == pytest.approx(expected.pop("median"), abs=HALF_A_BIN)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_the_median_of_an_even_number_is_the_middle_of_two() -> None:
    """Angles 0 and 90: NumPy's median is 45."""
    output = torch.eye(3)[:2]
    metrics = NormalMetrics()
    metrics.update(output, torch.tensor([[1.0, 0.0, 0.0]] * 2))
    assert float(metrics.compute()["median"]) == pytest.approx(45, abs=HALF_A_BIN)


@pytest.mark.parametrize("degrees", [0.001, 0.1, 11.2499, 11.2501, 29.999, 30.001, 90.0, 179.99, 180.0])
def test_known_angles(degrees: float) -> None:
    radians = math.radians(degrees)
    output = torch.tensor([[math.cos(radians), math.sin(radians), 0.0]])
    target = torch.tensor([[1.0, 0.0, 0.0]])
    assert float(angles(output, target)) == pytest.approx(degrees, abs=1e-5)
    scores = in_batches(output, target, size=1)
    assert [scores["within_11.25"], scores["within_22.5"], scores["within_30"]] == [
        float(degrees < limit) for limit in (11.25, 22.5, 30)
    ]


def test_a_prediction_of_length_zero_is_not_right() -> None:
    assert angles(torch.zeros(1, 3), torch.tensor([[0.0, 0.0, 1.0]])).tolist() == [90.0]


def test_the_length_of_vectors_does_not_matter() -> None:
    output, target = torch.randn(10, 3), torch.randn(10, 3)
    torch.testing.assert_close(angles(output * 1e4, target * 0.01), angles(output, target))


def test_a_set_without_a_valid_pixel_has_no_metrics() -> None:
    found = in_batches(torch.randn(2, 3, 2, 2), torch.zeros(2, 3, 2, 2), size=1)
    assert all(math.isnan(value) for value in found.values())


def test_a_sample_without_a_valid_pixel_changes_nothing() -> None:
    output, target = torch.randn(2, 3, 2, 2), torch.randn(2, 3, 2, 2)
    with_hole = in_batches(torch.cat([output, output]), torch.cat([target, torch.zeros_like(target)]), size=2)
    assert with_hole == in_batches(output, target, size=2)


@pytest.mark.parametrize(
    ("output", "target", "message"),
    [
        (torch.zeros(1, 2), torch.zeros(1, 2), r"output: expected shape \(N, 3, ...\)"),
        (torch.zeros(1, 3), torch.zeros(2, 3), r"target: expected shape \(1, 3\)"),
        (torch.full((1, 3), math.nan), torch.ones(1, 3), "output: expected finite values, found 3 of 3"),
    ],
)
def test_bad_input(output: torch.Tensor, target: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NormalMetrics().update(output, target)
