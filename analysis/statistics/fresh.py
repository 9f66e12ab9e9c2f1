"""The baseline and one choice on fresh examples: one comparison, fixed beforehand, so nothing has to be corrected."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from analysis.statistics.arrays import Bools
from analysis.statistics.paired import ALPHA, margin_variance, paired_differences, paired_z
from search_spaces.errors import check


@dataclass(frozen=True)
class OnFreshExamples:
    """Changes of accuracy are the choice's minus the baseline's, fractions of `examples`."""

    examples: int
    gained: int  # only the choice is right
    lost: int  # only the baseline is
    change: float
    low: float  # 90 % score interval: its lower end is the one-sided 95 % limit
    high: float
    p_worse: float  # of "worse by the tolerance or more"
    not_worse: bool  # by more than the tolerance
    examples_needed: int | None  # for that in four of five cases, at these rates of flips; None: at no number


def on_fresh_examples(baseline: Bools, choice: Bools, tolerance: float) -> OnFreshExamples:
    """From which of the same fresh examples each got right, (examples,) each.

    UsageError where they are not as many, or none.
    """
    sizes = (len(baseline), len(choice))
    check(0 < sizes[0] == sizes[1], "both must answer the same examples, one at least", sizes, "score both on one file")
    n = len(baseline)
    gained, lost = int(np.count_nonzero(choice & ~baseline)), int(np.count_nonzero(baseline & ~choice))
    found = paired_differences(gained, lost, n, tolerance)
    return OnFreshExamples(
        examples=n,
        gained=gained,
        lost=lost,
        change=float(found.value[0]),
        low=float(found.low[0]),
        high=float(found.high[0]),
        p_worse=float(found.p_worse[0]),
        not_worse=bool(found.p_worse[0] <= ALPHA),
        examples_needed=_needed(gained, lost, n, tolerance),
    )


def _needed(gained: int, lost: int, n: int, tolerance: float) -> int | None:
    """The statistic grows with the root of the examples, and varies by the flips' own variance about it."""
    b, c, margin = np.array([gained], float), np.array([lost], float), np.array([-tolerance])
    if gained - lost <= -tolerance * n:
        return None
    per_example = float(paired_z(margin, b, c, n)[0]) / math.sqrt(n)
    change = (gained - lost) / n
    own = math.sqrt(((gained + lost) / n - change**2) / float(margin_variance(margin, b, c, n)[0]))
    return math.ceil(((-float(ndtri(ALPHA)) + float(ndtri(0.8)) * own) / per_example) ** 2)
