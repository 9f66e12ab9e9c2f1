"""The Student-t interval over the windows of one trial, as a row states it."""

from math import sqrt

import numpy as np
from scipy.special import stdtrit


def half_width(values: np.ndarray) -> float:
    """Half-width of the Student-t 95 % interval of the mean of at least two values, in their unit."""
    n = len(values)
    return float(stdtrit(n - 1, 0.975) * np.std(values, ddof=1) / sqrt(n))


def relative_half_width(values: np.ndarray) -> float:
    """Half-width of the Student-t 95 % interval of the mean, over the mean; infinite for fewer than 2."""
    if len(values) < 2:
        return float("inf")
    return half_width(values) / float(np.mean(values))
