"""Intervals: how sure a mean over seeds is."""

from __future__ import annotations

from torch import Tensor

from mt_torchattacks import checks

_STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)  # by degrees of freedom, from 1
_NORMAL = 1.960


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
