"""Means of two samples compared on the log scale: a ratio with Welch's interval.

B. L. Welch, "The generalization of 'Student's' problem when several different population variances are involved",
Biometrika 34, 28, 1947. Two configurations differ in how well they repeat, so no variance is shared. The log of a mean
of n positive values varies by their relative standard deviation over the root of n.
"""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from analysis.statistics.arrays import Floats

UPPER = 0.975  # of a two-sided 95 % interval


def welch_ratio(first: Floats, second: Floats) -> tuple[Floats, Floats, Floats]:
    """(mean of `first` over mean of `second`, its 95 % limits), for positive values.

    (..., n) and (..., m), n and m at least 2: the last axis holds the values of a sample, the others hold samples.
    """
    value = first.mean(axis=-1) / second.mean(axis=-1)
    parts = [_relative_variance_of_mean(sample) for sample in (first, second)]
    half = _half_width(parts[0], first.shape[-1] - 1, parts[1], second.shape[-1] - 1)
    return value, value * np.exp(-half), value * np.exp(half)


def welch_difference(first: Floats, second: Floats) -> tuple[float, float]:
    """(mean of `first` minus mean of `second`, half-width of its 95 % interval); (n,) and (m,), at least 2 each."""
    parts = [np.asarray(sample.var(ddof=1) / len(sample)) for sample in (first, second)]
    half = _half_width(parts[0], len(first) - 1, parts[1], len(second) - 1)
    return float(first.mean() - second.mean()), float(half)


def student_half_width(values: Floats) -> float:
    """Of the Student-t 95 % interval of the mean of (n,) values, n at least 2, in their unit."""
    n = len(values)
    return float(stdtrit(n - 1, UPPER) * values.std(ddof=1) / np.sqrt(n))


def _relative_variance_of_mean(sample: Floats) -> Floats:
    return np.asarray(sample.var(axis=-1, ddof=1) / sample.mean(axis=-1) ** 2 / sample.shape[-1])


def _half_width(first: Floats, first_freedom: int, second: Floats, second_freedom: int) -> Floats:
    """Student-t over the root of the summed variances of two means, with Welch's degrees of freedom."""
    total = first + second
    known = total > 0
    weights = first**2 / first_freedom + second**2 / second_freedom
    freedom = np.where(known, total**2, 1.0) / np.where(known, weights, 1.0)
    return np.where(known, stdtrit(freedom, UPPER) * np.sqrt(total), 0.0)
