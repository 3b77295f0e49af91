"""How sure a number is: intervals, paired tests, and the correction for many of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mt_torchattacks import checks

_STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)  # by degrees of freedom, from 1
_NORMAL = 1.960
_ALL_ORDERS = 7  # things whose orders are all looked at


def student_quantile(samples: int) -> float:
    """The two-sided 95 % quantile of Student's t distribution for a mean of so many samples, to three decimals.

    Beyond 31 samples the normal distribution's, which is 4 % smaller at 32 and approaches it from there.

    Args:
        samples: number of samples >= 2.

    Raises:
        ValueError: fewer.

    Example:
        >>> student_quantile(5)
        2.776
    """
    checks.require(samples >= 2, "samples", "a number >= 2, for an interval", samples)
    return _STUDENT[samples - 2] if samples - 2 < len(_STUDENT) else _NORMAL


def half_interval(values: Tensor) -> Tensor:
    """Half the width of the 95 % confidence interval of each row's mean, ``(..., samples) -> (...)``.

    Student's t; the samples are taken to be independent and about normally distributed.

    Raises:
        ValueError: fewer than two samples.
    """
    samples = values.shape[-1]
    half: Tensor = student_quantile(samples) * values.std(dim=-1) / samples**0.5
    return half


class Paired(NamedTuple):
    """How much larger one of two measurements of the same things is.

    Args:
        difference: the mean of the differences.
        low, high: its 95 % confidence interval (Student's t); both are the mean itself where all differences agree.
        p_value: of 'they are equal', two-sided, by swapping the two at random in each pair.
        pairs: their number.
    """

    difference: float
    low: float
    high: float
    p_value: float
    pairs: int


def paired_test(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Compare two measurements of the same things: attacks on the same images, rules on the same models.

    The p-value is that of the permutation test that swaps the two within pairs; all swaps up to 13 pairs, 10,000 random
    ones (always the same) beyond. It supposes nothing of how the differences are distributed; the interval does.

    Args:
        first, second: as many numbers each, in the same order, two at least.

    Raises:
        ImportError: SciPy is not installed.
        ValueError: other lengths.

    Example:
        >>> found = paired_test([3.0, 5.0, 4.0, 6.0], [1.0, 4.0, 2.0, 3.0])
        >>> found.difference, found.p_value
        (2.0, 0.125)
    """
    same = len(first) == len(second)
    checks.require(same, "second", f"as many numbers as first, {len(first)}", len(second))
    checks.require(len(first) >= 2, "first", "two numbers at least", len(first))
    differences = torch.tensor([a - b for a, b in zip(first, second, strict=True)], dtype=torch.float64)
    half = float(half_interval(differences))
    stats = checks.optional("scipy.stats", extra="plot")
    found = stats.permutation_test(
        (differences.numpy(),),
        lambda values, axis: np.mean(values, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=10_000,
        rng=np.random.default_rng(0),
    )
    mean = float(differences.mean())
    return Paired(mean, mean - half, mean + half, float(found.pvalue), len(first))


class Correlation(NamedTuple):
    """A correlation, and the p-value of 'there is none', two-sided."""

    value: float
    p_value: float


def pearson_correlation(x: Sequence[float], y: Sequence[float]) -> Correlation:
    """How nearly two numbers lie on a line: Pearson's correlation, with the p-value for normally distributed numbers.

    Args:
        x, y: as many numbers each, three at least; each with at least two different ones.

    Raises:
        ImportError: SciPy is not installed.
        ValueError: other lengths.

    Example:
        >>> found = pearson_correlation([1, 2, 3, 4], [0.1, 0.2, 0.4, 0.3])
        >>> round(found.value, 6), round(found.p_value, 6)
        (0.8, 0.2)
    """
    checks.require(len(x) == len(y) and len(x) >= 3, "y", f"{len(x)} numbers as x, three at least", f"{len(y)} numbers")
    found = checks.optional("scipy.stats", extra="plot").pearsonr(x, y)
    return Correlation(float(found.statistic), float(found.pvalue))


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> Correlation:
    """Whether one number rises with another: Spearman's rank correlation.

    The p-value is that of the permutation test: all orders up to 7 pairs, 10,000 random ones (always the same) beyond.

    Args:
        x, y: as many numbers each, three at least; each with at least two different ones.

    Raises:
        ImportError: SciPy is not installed.
        ValueError: other lengths.

    Example:
        >>> found = rank_correlation([1, 2, 3, 4], [0.1, 0.2, 0.4, 0.3])
        >>> round(found.value, 6)
        0.8
    """
    return mean_rank_correlation(x, [y])


def mean_rank_correlation(x: Sequence[float], every: Sequence[Sequence[float]]) -> Correlation:
    """Whether several numbers rise with one: the mean of their rank correlations with it.

    Their p-value is one for all of them: the things that were measured are reordered, each with all its numbers.

    Args:
        x: the one number of each thing.
        every: the several numbers, each of all things; see :func:`rank_correlation`.

    Raises:
        ImportError: SciPy is not installed.
        ValueError: other lengths, or numbers that are all the same.

    Example:
        >>> mean_rank_correlation([1, 2, 3, 4, 5], [[1, 2, 3, 4, 5], [1, 2, 3, 5, 4]])
        Correlation(value=0.95, p_value=0.0333...)
    """
    for y in every:
        checks.require(len(x) == len(y) >= 3, "y", f"as many numbers as x, {len(x)}, and three at least", len(y))
    for name, values in (("x", x), *(("y", y) for y in every)):
        checks.require(len(set(values)) > 1, name, "at least two different numbers", list(values))
    stats = checks.optional("scipy.stats", extra="plot")
    ranks = [_standardized(stats.rankdata(values)) for values in (x, *every)]
    first, mean = ranks[0], np.mean(ranks[1:], axis=0)
    if len(x) <= _ALL_ORDERS:
        orders = np.array(list(permutations(range(len(x)))))
    else:
        orders = np.random.default_rng(0).permuted(np.tile(np.arange(len(x)), (10_000, 1)), axis=1)
    value, others = first @ mean, first[orders] @ mean
    extreme = int((np.abs(others) >= abs(value) - 1e-12).sum())
    p_value = extreme / len(orders) if len(x) <= _ALL_ORDERS else (extreme + 1) / (len(orders) + 1)
    return Correlation(float(value), float(p_value))


def _standardized(ranks: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Ranks less their mean, at unit length, so that the product of two is their correlation."""
    centred = ranks - ranks.mean()
    found: np.ndarray[Any, Any] = centred / np.linalg.norm(centred)
    return found


def bootstrap_interval(
    statistic: Callable[[list[int]], float | None], count: int, *, resamples: int = 200, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval of a statistic of a set, over sets drawn from it with replacement (percentiles).

    Args:
        statistic: of the members at these places; None where it is undefined, such sets are left out.
        count: members of the set.
        resamples: sets that are drawn.
        seed: of the draw.

    Raises:
        ValueError: the statistic is undefined for every set.

    Example:
        >>> numbers = [3.0, 5.0, 4.0, 6.0]
        >>> bootstrap_interval(lambda places: sum(numbers[i] for i in places) / 4, count=4)
        (3.5, 5.5)
    """
    generator = torch.Generator().manual_seed(seed)
    drawn: list[list[int]] = torch.randint(count, (resamples, count), generator=generator).tolist()
    values = [value for places in drawn if (value := statistic(places)) is not None]
    checks.require(len(values) > 0, "statistic", "a number for some of the sets", "none")
    low, high = torch.tensor(values).quantile(torch.tensor([0.025, 0.975])).tolist()
    return low, high


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values of several tests, corrected so that the chance of any false alarm stays what one test promises.

    Source: Holm, 'A simple sequentially rejective multiple test procedure', 1979.

    Args:
        p_values: one for each test, in [0, 1].

    Raises:
        ValueError: a number outside of [0, 1].

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    for value in p_values:
        checks.require(0 <= value <= 1, "p_values", "numbers in [0, 1]", value)
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected
