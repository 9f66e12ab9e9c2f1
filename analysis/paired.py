"""Accuracy of two configurations on the same examples: discordant predictions and score intervals.

Tango (1998), "Equivalence test and confidence interval for the difference in proportions for the paired-sample
design", Statistics in Medicine 17, 891-908. Unpaired: Miettinen and Nurminen (1985), the same idea without pairs.
A score interval keeps its width when no prediction flips, where a bootstrap and a Wald interval have none.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

ALPHA = 0.05  # of the one-sided test; the interval is then the two-sided 90 % one


def decode_bits(text: str, examples: int) -> np.ndarray:
    """(examples,) of bool: per-example correctness from base64 of `numpy.packbits`. ValueError where it is short."""
    packed = np.frombuffer(base64.b64decode(text), dtype=np.uint8)
    if packed.size * 8 < examples:
        raise ValueError(f"correct_bits hold {packed.size * 8} examples, fewer than the {examples} evaluated")
    return np.unpackbits(packed, count=examples).astype(bool)


def encode_bits(correct: np.ndarray) -> str:
    """The inverse of `decode_bits`."""
    return base64.b64encode(np.packbits(np.asarray(correct, dtype=bool)).tobytes()).decode("ascii")


@dataclass(frozen=True)
class Difference:
    """Accuracy of the candidate minus the baseline's, with a score interval at level 1 - 2 alpha."""

    value: float
    low: float
    high: float
    p_worse: float  # one-sided p value of "the candidate is worse by `tolerance` or more"; small: not worse
    gained: float  # examples only the candidate gets right (mean over seeds)
    lost: float  # examples only the baseline gets right (mean over seeds)
    examples: int
    paired: bool

    def verdict(self, tolerance: float) -> str:
        """ "not worse", "worse" (by more than the tolerance) or "cannot tell"."""
        if self.low > -tolerance:
            return "not worse"
        return "worse" if self.high < -tolerance else "cannot tell"


def paired_difference(
    gained: float, lost: float, examples: int, tolerance: float, alpha: float = ALPHA
) -> Difference:
    """Score interval from the discordant counts. Means over seeds may be fractional: the seeds then count as fully
    correlated (the examples are the sample), which is the cautious reading."""
    low, high = _paired_interval(gained, lost, examples, alpha)
    p = float(1 - ndtr(_paired_z(-tolerance, gained, lost, examples)))
    return Difference((gained - lost) / examples, low, high, p, gained, lost, examples, True)


def unpaired_difference(
    correct: float, correct_baseline: float, examples: int, tolerance: float, alpha: float = ALPHA
) -> Difference:
    """The same from two counts alone: wider, since the same examples answered alike do not cancel."""
    low, high = _unpaired_interval(correct, correct_baseline, examples, alpha)
    p = float(1 - ndtr(_unpaired_z(-tolerance, correct, correct_baseline, examples)))
    nan = float("nan")
    return Difference((correct - correct_baseline) / examples, low, high, p, nan, nan, examples, False)


def smallest_tolerance(examples: int, alpha: float = ALPHA) -> float:
    """Tolerance (fraction) that this many examples resolve when no prediction flips: z^2 / (n + z^2).

    The score limit at zero flips; 872 examples: 0.31 points.
    """
    z2 = float(ndtri(1 - alpha)) ** 2
    return z2 / (examples + z2)


def _paired_z(delta: float, gained: float, lost: float, n: float) -> float:
    """Tango's score statistic of H0: difference = delta; falls as delta rises."""
    b = -gained - lost + (2 * n - gained + lost) * delta
    c = -lost * delta * (1 - delta)
    q = (np.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (
        4 * n
    )  # constrained estimate of P(only the baseline right)
    variance = n * (2 * q + delta * (1 - delta))
    return _z(gained - lost - n * delta, variance)


def _unpaired_z(delta: float, x1: float, x0: float, n: float) -> float:
    """Miettinen-Nurminen with equal group sizes: constrained maximum likelihood under p1 - p0 = delta."""
    low, high = max(0.0, -delta), min(1.0, 1.0 - delta)

    def slope(p0: float) -> float:  # derivative of the log-likelihood, decreasing in p0
        p1 = p0 + delta
        return x1 / p1 - (n - x1) / (1 - p1) + x0 / p0 - (n - x0) / (1 - p0)

    margin = 1e-12
    a, b = low + margin, high - margin
    if a >= b or slope(a) <= 0:
        p0 = low
    elif slope(b) >= 0:
        p0 = high
    else:
        p0 = brentq(slope, a, b, xtol=1e-14)
    p1 = p0 + delta
    variance = n * (p1 * (1 - p1) + p0 * (1 - p0)) * 2 * n / (2 * n - 1)
    return _z(x1 - x0 - n * delta, variance)


def _z(score: float, variance: float) -> float:
    if variance <= 1e-12:
        return 0.0 if abs(score) < 1e-9 else float(np.copysign(np.inf, score))
    return float(score / np.sqrt(variance))


@lru_cache(maxsize=4096)
def _paired_interval(gained: float, lost: float, n: int, alpha: float) -> tuple[float, float]:
    return _limits(lambda d: _paired_z(d, gained, lost, n), (gained - lost) / n, alpha)


@lru_cache(maxsize=4096)
def _unpaired_interval(x1: float, x0: float, n: int, alpha: float) -> tuple[float, float]:
    return _limits(lambda d: _unpaired_z(d, x1, x0, n), (x1 - x0) / n, alpha)


def _limits(z_of, estimate: float, alpha: float) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """The deltas at which the statistic, decreasing in delta, crosses +z and -z."""
    z = float(ndtri(1 - alpha))
    edge = 1 - 1e-9

    def root(target: float, a: float, b: float, at_edge: float) -> float:
        fa, fb = z_of(a) - target, z_of(b) - target
        if fa * fb > 0 or not (np.isfinite(fa) and np.isfinite(fb)):
            return at_edge
        return float(brentq(lambda d: z_of(d) - target, a, b, xtol=1e-12))

    middle = float(np.clip(estimate, -edge, edge))
    low = -1.0 if middle <= -edge else root(z, -edge, middle, -1.0)
    high = 1.0 if middle >= edge else root(-z, middle, edge, 1.0)
    return low, high
