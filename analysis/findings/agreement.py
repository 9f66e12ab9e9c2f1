"""Is one quantity the same for several tasks? An equivalence test of every pair, with a verdict and a sentence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import stdtrit

from analysis.findings.verdict import CANNOT_TELL
from analysis.statistics.equivalence import departure, greatest_departure, least_departure
from analysis.words.rounding import format_percent

AGREE, DISAGREE = "agree", "do not agree"
USELESS_PERCENT = 1000  # a bound beyond tenfold says nothing, in however many digits


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

    what: str
    verdict: str  # AGREE, DISAGREE, CANNOT_TELL
    limit: float  # a fraction
    pair: tuple[str, str] | None  # that differs most; of DISAGREE, of the pairs that are known to
    percent: float | None  # by which it differs
    highest_percent: float | None  # what no pair exceeds (95 %)
    reason: str = ""

    def sentence(self) -> str:
        within = f"{100 * self.limit:g} %"
        if self.pair is None or self.percent is None:
            return f"Whether {self.what} is the same on every task cannot be told: {self.reason}."
        by = f"{' and '.join(self.pair)} differ most, by {format_percent(self.percent)}"
        if self.verdict == DISAGREE:
            return f"{self.what[0].upper()}{self.what[1:]} depends on the task by more than {within}: {by}."
        if self.highest_percent is not None:
            bounded = self.highest_percent <= USELESS_PERCENT
            by += f", at most {format_percent(self.highest_percent)}" if bounded else ", without a useful bound"
        if self.verdict == AGREE:
            return f"{self.what[0].upper()}{self.what[1:]} is the same on every task within {within}: {by}."
        return f"Whether {self.what} is the same on every task within {within} cannot be told: {by}; {self.reason}."


def agreement(what: str, values: Mapping[str, Value], limit: float, reason: str = "") -> Agreement:
    """Compare a quantity task by task: the ratio of every pair, with its 95 % interval, against 1 within `limit`.

    They agree where no interval leaves the limit, and do not where one lies beyond it as a whole. `reason`: why
    nothing can be compared.
    """
    bad = [task for task, value in values.items() if value.value <= 0]
    if bad:
        reason = f"it is not above zero on {', '.join(bad)}"
    if reason or len(values) < 2:
        return Agreement(what, CANNOT_TELL, limit, None, None, None, reason or "one task alone has it")
    ratios = {pair: _ratio(values[pair[0]], values[pair[1]]) for pair in itertools.combinations(values, 2)}
    if not all(math.isfinite(end) for ends in ratios.values() for end in ends):
        pair = max(ratios, key=lambda p: departure(ratios[p][0]))
        percent = 100 * departure(ratios[pair][0])
        return Agreement(what, CANNOT_TELL, limit, pair, percent, None, "an interval is unknown")
    apart = [pair for pair, (_, low, high) in ratios.items() if least_departure(low, high) > limit]
    pair = max(apart or ratios, key=lambda p: departure(ratios[p][0]))
    farthest = max(greatest_departure(*ends) for _, *ends in ratios.values())
    verdict = DISAGREE if apart else AGREE if farthest <= limit else CANNOT_TELL
    why = "the intervals are too wide" if verdict == CANNOT_TELL else ""
    return Agreement(what, verdict, limit, pair, 100 * departure(ratios[pair][0]), 100 * farthest, why)


def _ratio(first: Value, second: Value) -> tuple[float, float, float]:
    """The ratio and its 95 % limits, from the relative errors of both."""
    ratio = first.value / second.value
    freedom = min(first.freedom, second.freedom)
    half = float(stdtrit(freedom, 0.975)) * math.hypot(first.relative_se, second.relative_se)
    return ratio, ratio * math.exp(-half), ratio * math.exp(half)
