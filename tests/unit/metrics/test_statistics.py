"""Intervals, tests and corrections: against SciPy and against counting every case."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from mt_torchattacks.metrics import bootstrap_interval, holm, paired_test, rank_correlation


def test_the_interval_is_scipys() -> None:
    first, second = np.random.default_rng(0).normal(1, 1, (2, 9))
    found = paired_test(first.tolist(), second.tolist())
    expected = stats.ttest_rel(first, second).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-3)
    assert found.difference == pytest.approx((first - second).mean())
    assert found.pairs == 9


def test_the_p_value_counts_all_swaps() -> None:
    first, second = np.random.default_rng(1).normal(0, 1, (2, 6))
    difference = first - second
    means = [abs((np.array(signs) * difference).mean()) for signs in product((1, -1), repeat=6)]
    expected = np.mean([mean >= abs(difference.mean()) - 1e-12 for mean in means])
    assert paired_test(first.tolist(), second.tolist()).p_value == pytest.approx(expected)


def test_swapping_the_two_turns_the_difference_around() -> None:
    one, other = [3.0, 5.0, 4.0, 6.5], [1.0, 4.0, 2.0, 3.0]
    found, turned = paired_test(one, other), paired_test(other, one)
    assert (found.difference, found.low) == (-turned.difference, -turned.high)
    assert found.p_value == turned.p_value


def test_rank_correlation_is_spearmans_and_its_p_value_counts_all_orders() -> None:
    x, y = [1.0, 2.0, 3.0, 4.0, 5.0], [0.3, 0.1, 0.4, 0.8, 0.8]
    found = rank_correlation(x, y)
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
    every = [abs(stats.spearmanr(order, y).statistic) for order in permutations(x)]
    assert found.p_value == pytest.approx(np.mean([one >= abs(found.value) - 1e-12 for one in every]), abs=0.02)


def test_bootstrap_is_scipys_percentiles() -> None:
    numbers = np.random.default_rng(2).exponential(1, 80)
    found = bootstrap_interval(lambda places: float(numbers[places].mean()), 80, resamples=4000)
    expected = stats.bootstrap((numbers,), np.mean, method="percentile", n_resamples=4000).confidence_interval
    assert found == pytest.approx((expected.low, expected.high), rel=0.03)


def test_bootstrap_leaves_out_sets_for_which_there_is_no_number() -> None:
    low, high = bootstrap_interval(lambda places: None if 0 in places else 1.0, 3)
    assert (low, high) == (1.0, 1.0)
    with pytest.raises(ValueError, match="statistic: expected a number for some of the sets, found none"):
        bootstrap_interval(lambda places: None, 3)


def test_holm_keeps_the_order_and_corrects_the_least_most() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired_test([1.0], [2.0]), "first: expected two numbers at least, found 1"),
        (lambda: paired_test([1.0, 2.0], [2.0]), "second: expected as many numbers as first, 2, found 1"),
        (lambda: rank_correlation([1, 2], [1, 2]), "y: expected as many numbers as x, 2, and three at least, found 2"),
        (lambda: rank_correlation([1, 1, 1], [1, 2, 3]), "x: expected at least two different numbers"),
        (lambda: holm([1.5]), r"p_values: expected numbers in \[0, 1\], found 1.5"),
    ],
)
def test_bad_input_is_named(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
