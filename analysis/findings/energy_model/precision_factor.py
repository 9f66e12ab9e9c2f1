"""Is energy multiplicative in precision? One factor between two precisions, tested over all lengths and depths."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.noninferiority import verdicts_alone
from analysis.findings.plain import finite
from analysis.findings.slices import score_column
from analysis.findings.verdict import CANNOT_TELL, FAILS, HOLDS, NOT_WORSE
from analysis.statistics.equivalence import departure, greatest_departure, least_departure
from analysis.statistics.intervals import NONE, poorer, ratios
from search_spaces.precisions import PRECISIONS

Verdicts = Mapping[tuple[str, int, int], str]  # (precision, max_seq_len, depth) -> verdict of its accuracy


@dataclass(frozen=True)
class Pair:
    """One length and depth measured in both precisions: energy in the slower over that in the faster, with its 95 %
    limits (None: unknown)."""

    max_seq_len: int
    depth: int
    ratio: float
    low: float | None
    high: float | None
    interval_kind: str
    stable: bool  # the accuracy of both is not worse than the baseline's, or not known at all
    deviation_percent: float | None = None  # of the ratio from the factor
    breaks: bool | None = None  # it departs from the factor by more than the limit


@dataclass(frozen=True)
class PrecisionFactor:
    """An equivalence test: do all stable pairs depart from their geometric mean by at most `limit_percent`?"""

    slow: str
    fast: str
    factor: float | None  # geometric mean of the stable pairs' ratios; None where there are fewer than two
    deviation_percent: float | None  # largest departure of a stable pair from the factor
    deviation_low_percent: float | None  # its 95 % limits
    deviation_high_percent: float | None
    limit_percent: float
    interval_kind: str
    verdict: str  # HOLDS, FAILS or CANNOT_TELL
    tolerance: float | None  # loss of accuracy up to which a pair is stable; None: no accuracy is known, all are
    pairs: tuple[Pair, ...]  # the deepest and longest first

    @property
    def stable(self) -> tuple[Pair, ...]:
        return tuple(p for p in self.pairs if p.stable)

    @property
    def broken(self) -> tuple[Pair, ...]:
        return tuple(p for p in self.pairs if p.breaks)

    @property
    def worst(self) -> Pair | None:
        """The stable pair that departs most from the factor; None where there is no factor."""
        factor = self.factor
        return None if factor is None else max(self.stable, key=lambda p: departure(p.ratio / factor))


def precision_factors(
    clean: pd.DataFrame, table: pd.DataFrame, baseline: Mapping[str, Any] | None, tolerance: float, equivalence: float
) -> tuple[PrecisionFactor, ...]:
    """One per two precisions that share a length and depth, the slower first.

    `clean`: valid trials; `table`: their `configurations`. The stable regime is where accuracy is not worse than the
    baseline's by more than `tolerance`. Raises CannotAnswer where no two precisions can be compared.
    """
    names = sorted(table["precision"].unique(), key=PRECISIONS.rank)
    if len(names) < 2:
        raise CannotAnswer(
            f"Whether energy is multiplicative in precision cannot be told: only {names[0]} was measured."
        )
    verdicts = None if score_column(clean) is None else _verdicts(clean, table, baseline, tolerance)
    known = None if verdicts is None else tolerance
    energies = {name: _energies(table, name) for name in names}
    factors = [
        _factor(slow, fast, pairs, known, equivalence)
        for slow, fast in itertools.combinations(names, 2)
        if (pairs := _pairs((slow, fast), energies[slow], energies[fast], verdicts))
    ]
    if not factors:
        raise CannotAnswer(
            "Whether energy is multiplicative in precision cannot be told: no length and depth was measured in two "
            "precisions."
        )
    return tuple(factors)


def _verdicts(
    clean: pd.DataFrame, table: pd.DataFrame, baseline: Mapping[str, Any] | None, tolerance: float
) -> Verdicts:
    found = verdicts_alone(clean, table, baseline, tolerance)
    keys = zip(table["precision"], table["max_seq_len"], table["depth"], found, strict=True)
    return {(precision, length, depth): verdict for precision, length, depth, verdict in keys}


def _energies(table: pd.DataFrame, precision: str) -> pd.DataFrame:
    """Energy with its interval by (max_seq_len, depth), of the configurations of one precision."""
    columns = ["max_seq_len", "depth", "energy_j_per_example", "energy_j_per_example_ci95", "interval_kind"]
    return table.loc[table["precision"] == precision, columns].set_index(columns[:2])


def _pairs(names: tuple[str, str], first: pd.DataFrame, second: pd.DataFrame, verdicts: Verdicts | None) -> list[Pair]:
    """Every length and depth measured in both precisions, the largest first."""
    shared = first.index.intersection(second.index)
    if shared.empty:
        return []
    first, second = first.loc[shared], second.loc[shared]
    value, low, high = ratios(first, second)
    kinds = map(poorer, first["interval_kind"], second["interval_kind"])
    pairs = [
        Pair(
            max_seq_len=int(length),
            depth=int(depth),
            ratio=float(r),
            low=finite(lo),
            high=finite(hi),
            interval_kind=kind if math.isfinite(lo) else NONE,
            stable=verdicts is None or all(verdicts[(p, length, depth)] == NOT_WORSE for p in names),
        )
        for (length, depth), r, lo, hi, kind in zip(shared, value, low, high, kinds, strict=True)
    ]
    return sorted(pairs, key=lambda p: (-p.depth, -p.max_seq_len))


def _factor(slow: str, fast: str, pairs: list[Pair], tolerance: float | None, equivalence: float) -> PrecisionFactor:
    limit = 100 * equivalence
    stable = [p for p in pairs if p.stable]
    if len(stable) < 2:
        kind = pairs[0].interval_kind
        none = (None, None, None, None)
        return PrecisionFactor(slow, fast, *none, limit, kind, CANNOT_TELL, tolerance, tuple(pairs))
    factor = math.exp(sum(math.log(p.ratio) for p in stable) / len(stable))
    worst = max(stable, key=lambda p: departure(p.ratio / factor))
    largest = departure(worst.ratio / factor)
    limits = [(p.low / factor, p.high / factor) for p in stable if p.low is not None and p.high is not None]
    low = high = None
    if len(limits) == len(stable):
        low = max(least_departure(*ends) for ends in limits)
        high = max(greatest_departure(*ends) for ends in limits)
        verdict = HOLDS if high <= equivalence else FAILS if low > equivalence else CANNOT_TELL
    else:
        verdict = HOLDS if largest <= equivalence else FAILS
    return PrecisionFactor(
        slow=slow,
        fast=fast,
        factor=factor,
        deviation_percent=100 * largest,
        deviation_low_percent=None if low is None else 100 * low,
        deviation_high_percent=None if high is None else 100 * high,
        limit_percent=limit,
        interval_kind=worst.interval_kind,
        verdict=verdict,
        tolerance=tolerance,
        pairs=tuple(
            replace(p, deviation_percent=100 * (p.ratio / factor - 1), breaks=departure(p.ratio / factor) > equivalence)
            for p in pairs
        ),
    )
