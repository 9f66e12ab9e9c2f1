"""Accuracy of two configurations on the same examples: discordant predictions and score intervals.

Tango (1998), "Equivalence test and confidence interval for the difference in proportions for the
paired-sample design", Statistics in Medicine 17, 891-908. Unpaired: Miettinen and Nurminen (1985),
Statistics in Medicine 4, 213-226: the same idea without pairs. A score interval keeps its width when no
prediction flips, where a bootstrap and a Wald interval have none.

All functions take arrays (one value per candidate) or numbers, and return arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from analysis.statistics.arrays import Floats

ALPHA = 0.05  # of the one-sided test; the interval is then the two-sided 90 % one
BISECTIONS = 45  # of [-1, 1]: limits to 1e-13


@dataclass(frozen=True)
class Differences:
    """Accuracy of each candidate minus the baseline's, with score intervals at level 1 - 2 alpha. Arrays
    (n,)."""

    value: Floats
    low: Floats
    high: Floats
    p_worse: Floats  # one-sided p of "worse by `tolerance` or more"; small means: not worse


def paired_differences(
    gained: npt.ArrayLike, lost: npt.ArrayLike, examples: int, tolerance: float, alpha: float = ALPHA
) -> Differences:
    """From the discordant counts: `gained` only the candidate gets right, `lost` only the baseline.

    Counts that are means over seeds may be fractional: the seeds then count as fully correlated (the examples
    are the sample), which is the cautious reading.
    """
    b, c = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (gained, lost))
    return _differences(lambda d: paired_z(d, b, c, examples), (b - c) / examples, tolerance, alpha)


def unpaired_differences(
    correct: npt.ArrayLike, correct_baseline: float, examples: int, tolerance: float, alpha: float = ALPHA
) -> Differences:
    """From the two counts alone: wider, since the examples answered alike do not cancel."""
    x = np.atleast_1d(np.asarray(correct, dtype=float))
    base = np.full_like(x, correct_baseline)
    estimate = (x - base) / examples
    return _differences(lambda d: unpaired_z(d, x, base, examples), estimate, tolerance, alpha)


def smallest_tolerance(examples: int, accuracy: float | None = None, alpha: float = ALPHA) -> float:
    """Tolerance (a fraction) that this many examples resolve when no prediction flips: z^2 / (n + z^2).

    Tango's limit at zero flips; 872 examples: 0.31 points. With the `accuracy` of both, what equal counts show that are
    not paired.
    """
    if accuracy is not None:
        right = accuracy * examples
        return -float(unpaired_differences(right, right, examples, 0.01, alpha).low[0])
    z2 = float(ndtri(1 - alpha)) ** 2
    return z2 / (examples + z2)


def paired_z(delta: Floats, gained: Floats, lost: Floats, n: int) -> Floats:
    """Tango's score statistic of the hypothesis difference = delta; falls as delta rises."""
    return _z(gained - lost - n * delta, n * margin_variance(delta, gained, lost, n))


def margin_variance(delta: Floats, gained: Floats, lost: Floats, n: int) -> Floats:
    """Of one example's difference, where the hypothesis difference = delta holds (constrained estimate)."""
    b = -gained - lost + (2 * n - gained + lost) * delta
    c = -lost * delta * (1 - delta)
    only_baseline = (np.sqrt(np.maximum(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    return np.asarray(2 * only_baseline + delta * (1 - delta))


def unpaired_z(delta: Floats, x1: Floats, x0: Floats, n: int) -> Floats:
    """Miettinen and Nurminen's statistic for two groups of n; falls as delta = p1 - p0 rises.

    The constrained estimate of p0 is the root of their cubic (their appendix) that lies in the range.
    """
    total = x1 + x0
    l3 = 2.0 * n
    l2 = (n + 2 * n) * delta - 2.0 * n - total
    l1 = (n * delta - 2.0 * n - 2 * x0) * delta + total
    l0 = x0 * delta * (1 - delta)
    q = l2**3 / (3 * l3) ** 3 - l1 * l2 / (6 * l3**2) + l0 / (2 * l3)
    p = np.where(q >= 0, 1.0, -1.0) * np.sqrt(np.maximum(l2**2 / (3 * l3) ** 2 - l1 / (3 * l3), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(p == 0, 0.0, q / p**3)
    angle = (np.pi + np.arccos(np.clip(ratio, -1, 1))) / 3
    p0 = np.clip(2 * p * np.cos(angle) - l2 / (3 * l3), np.maximum(0, -delta), np.minimum(1, 1 - delta))
    p1 = p0 + delta
    variance = n * (p1 * (1 - p1) + p0 * (1 - p0)) * 2 * n / (2 * n - 1)
    return _z(x1 - x0 - n * delta, variance)


def _z(score: Floats, variance: Floats) -> Floats:
    safe = variance > 1e-12
    z = score / np.sqrt(np.where(safe, variance, 1.0))
    return np.where(safe, z, np.where(np.abs(score) < 1e-9, 0.0, np.copysign(np.inf, score)))


def _differences(z_of: Callable[[Floats], Floats], estimate: Floats, tolerance: float, alpha: float) -> Differences:
    z = float(ndtri(1 - alpha))
    low = _crossing(z_of, np.full_like(estimate, -1.0), estimate, z)
    high = _crossing(z_of, estimate, np.full_like(estimate, 1.0), -z)
    p = ndtr(-z_of(np.full_like(estimate, -tolerance)))  # 1 - ndtr(z) would be 0 from z = 8.3 on
    return Differences(estimate, low, high, p)


def _crossing(z_of: Callable[[Floats], Floats], left: Floats, right: Floats, target: float) -> Floats:
    """Where the statistic, falling in delta, crosses `target` between `left` and `right`; by bisection."""
    left, right = left.copy(), right.copy()
    for _ in range(BISECTIONS):
        middle = (left + right) / 2
        above = z_of(middle) > target
        left, right = np.where(above, middle, left), np.where(above, right, middle)
    return (left + right) / 2
