"""A share of examples, and its interval."""

from __future__ import annotations

import numpy as np

from analysis.statistics.arrays import Floats

Z = 1.959963984540054  # of a two-sided 95 % interval


def wilson(share: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Wilson's 95 % score interval of proportions of n (Wilson 1927): (low, high); NaN where n is not known."""
    n = np.where(n > 0, n, np.nan)
    center = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return center - half, center + half
