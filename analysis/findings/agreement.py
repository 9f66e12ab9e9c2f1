"""Is one quantity the same for several tasks? An equivalence test of every pair."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import stdtrit

from analysis.findings.verdict import AGREE, CANNOT_TELL, DISAGREE
from analysis.statistics.equivalence import departure, greatest_departure, least_departure

# Why it cannot be told.
TOO_FEW, NOT_POSITIVE, NO_INTERVAL, TOO_WIDE = "too few", "not positive", "no interval", "too wide"


@dataclass(frozen=True)
class Value:
    """A quantity of one task with its 95 % interval; NaN limits where it has none."""

    value: float
    low: float
    high: float
    relative_se: float
    freedom: float


@dataclass(frozen=True)
class Agreement:
    """The verdict over all pairs, and the pair that it rests on."""

    verdict: str  # AGREE, DISAGREE, CANNOT_TELL
    limit: float  # a fraction
    pair: tuple[str, str] | None = None  # that differs most; of DISAGREE, of the pairs that are known to
    percent: float | None = None  # by which it differs
    highest_percent: float | None = None  # what no pair exceeds (95 %)
    reason: str = ""  # of CANNOT_TELL
    not_positive: tuple[str, ...] = ()  # tasks of which the quantity is not above zero


def agreement(values: Mapping[str, Value], limit: float) -> Agreement:
    """Compare a quantity task by task: the ratio of every pair, with its 95 % interval, against 1 within `limit`.

    They agree where no interval leaves the limit, and do not where one lies beyond it as a whole.
    """
    not_positive = tuple(task for task, value in values.items() if value.value <= 0)
    if not_positive:
        return Agreement(CANNOT_TELL, limit, reason=NOT_POSITIVE, not_positive=not_positive)
    if len(values) < 2:
        return Agreement(CANNOT_TELL, limit, reason=TOO_FEW)
    ratios = {pair: _ratio(values[pair[0]], values[pair[1]]) for pair in itertools.combinations(values, 2)}

    def differs(pair: tuple[str, str]) -> float:
        return departure(ratios[pair][0])

    if not all(math.isfinite(end) for ends in ratios.values() for end in ends):
        pair = max(ratios, key=differs)
        return Agreement(CANNOT_TELL, limit, pair, 100 * differs(pair), reason=NO_INTERVAL)
    apart = [pair for pair, (_, low, high) in ratios.items() if least_departure(low, high) > limit]
    pair = max(apart or ratios, key=differs)
    farthest = max(greatest_departure(low, high) for _, low, high in ratios.values())
    verdict = DISAGREE if apart else AGREE if farthest <= limit else CANNOT_TELL
    reason = TOO_WIDE if verdict == CANNOT_TELL else ""
    return Agreement(verdict, limit, pair, 100 * differs(pair), 100 * farthest, reason)


def _ratio(first: Value, second: Value) -> tuple[float, float, float]:
    """The ratio and its 95 % limits, from the relative errors of both."""
    ratio = first.value / second.value
    freedom = min(first.freedom, second.freedom)
    half = float(stdtrit(freedom, 0.975)) * math.hypot(first.relative_se, second.relative_se)
    return ratio, ratio * math.exp(-half), ratio * math.exp(half)
