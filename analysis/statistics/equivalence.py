"""Is a ratio 1, within a limit? How far it is from 1, and how far its interval says that it may be."""

from __future__ import annotations

import math

EQUIVALENCE = 0.10  # a departure up to this counts as none, unless a caller says otherwise


def departure(ratio: float) -> float:
    """How far from 1 as a fraction, the same in both directions: 0.1 for a ratio of 1.1 or 1 / 1.1."""
    return math.exp(abs(math.log(ratio))) - 1


def least_departure(low: float, high: float) -> float:
    """What the interval of a ratio leaves no doubt of: 0 where it holds 1."""
    return 0.0 if low <= 1 <= high else min(departure(low), departure(high))


def greatest_departure(low: float, high: float) -> float:
    """What the interval of a ratio does not exceed."""
    return max(departure(low), departure(high))
