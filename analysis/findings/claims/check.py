"""Claims checked against rows of one sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.claims.claim import PUBLISHED_COLUMNS, RATIO_TOLERANCE, Claim, Claims, load_claims, spell
from analysis.findings.claims.finding import Finding
from analysis.findings.configurations import configurations, valid, with_intervals
from analysis.findings.plain import finite
from analysis.findings.slices import score_column
from analysis.rows.cards import load_levelled
from analysis.rows.purpose import sweep_rows
from analysis.statistics.intervals import NONE, WITHIN, Ratio, ratio
from search_spaces.errors import UsageError
from search_spaces.objectives import TOLERANCE
from trainables.rows.flags import SHORT_WINDOW, invalid_among

AVERAGED = (  # over the trials of a configuration: what a claim may be about
    "energy_j_per_example",
    "net_energy_j_per_example",
    "latency_ms_per_example",
    "mean_power_w",
    "peak_gpu_memory_mib",
    "tokens_per_example",
)
WITH_INTERVAL = ("energy_j_per_example", "latency_ms_per_example")


def audit(
    rows: pd.DataFrame | str | Path | None = None,
    claims: Claims | str | Path | None = None,
    *,
    ratio_tolerance: float = RATIO_TOLERANCE,
    accuracy_tolerance: float = TOLERANCE,
) -> list[Finding]:
    """Check claims against rows (a DataFrame of `analysis.rows.load`, or a path); the published ones where not given.

    Raises UsageError where there are no rows, or they lack what a claim names.
    """
    known = claims if isinstance(claims, Claims) else load_claims(claims)
    if rows is None:
        if known.rows is None:
            raise UsageError("an audit needs rows, but neither --rows nor the claims file names any; give --rows FILE")
        rows = load_levelled(known.rows, columns=PUBLISHED_COLUMNS)
    elif isinstance(rows, str | Path):
        rows = load_levelled(rows)
    return check_claims(rows, known, ratio_tolerance, accuracy_tolerance)


def check_claims(
    rows: pd.DataFrame, claims: Claims, ratio_tolerance: float = RATIO_TOLERANCE, accuracy_tolerance: float = TOLERANCE
) -> list[Finding]:
    """One finding per claim and task, task by task in the order of the claims; fresh trials count for none."""
    rows = sweep_rows(rows).reset_index(drop=True)  # tables joined by a caller may name two rows alike
    tables = _Tables()
    tasks = list(dict.fromkeys(t for c in claims.claims for t in (c.tasks or tuple(rows["task"].dropna().unique()))))
    found = []
    for task in tasks:
        for claim in claims.claims:
            if claim.tasks and task not in claim.tasks:
                continue
            try:
                numbers = _numbers(_pool(rows, claim, task), claim, tables)
            except CannotAnswer as reason:
                numbers = {"problem": str(reason)}
            found.append(
                Finding(
                    claim=claim.claim,
                    task=task,
                    claimed_ratio=claim.claimed_ratio,
                    needed_ratio=claim.claimed_ratio * (1 - ratio_tolerance),
                    accuracy_unchanged=claim.accuracy_unchanged,
                    accuracy_tolerance=accuracy_tolerance,
                    sensor_averaging_s=claims.sensor_averaging_s,
                    **numbers,
                )
            )
    return found


class _Tables:
    """`configurations` of sets of rows, each made once: many claims start from the same configuration."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], pd.DataFrame] = {}

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Of rows out of the one frame that all sets are parts of."""
        key = tuple(rows.index)
        if key not in self._made:
            self._made[key] = configurations(rows)
        return self._made[key]


def _numbers(pool: pd.DataFrame, claim: Claim, tables: _Tables) -> dict[str, Any]:
    """What a `Finding` holds beside the claim. CannotAnswer where the rows have no such pair."""
    sides = [_side(pool, claim, side, tables) for side in (claim.start, claim.to)]
    first, second = (tables.of(usable).iloc[0] for usable in sides)
    mixed = [c for c in ("gpu_name", "energy_source", "sweep") if c in pool and _differ(first.get(c), second.get(c))]
    if mixed:
        raise CannotAnswer(f"the two rows differ in {', '.join(mixed)}: a ratio across them means nothing")
    first, second = _with_all_replicates(pool, sides, tables)
    interval = _ratio(first, second, claim.column)
    score = score_column(pd.DataFrame([first, second])) or "accuracy"  # SQuAD is scored by exact match
    change = float(second[score]) - float(first[score])
    windows = _both(first, second, "window_s")
    flags = {name for side in (first, second) for name in invalid_among(str(side["flags"]))}
    return {
        "measured_ratio": interval.value,
        "ratio_low": finite(interval.low),
        "ratio_high": finite(interval.high),
        "interval_kind": interval.kind,
        "accuracy_change": finite(change),
        "window_s": windows,
        "mean_power_w": _both(first, second, "mean_power_w"),
        "flags": tuple(sorted(flags - ({SHORT_WINDOW} if windows else set()))),
    }


def _pool(rows: pd.DataFrame, claim: Claim, task: str) -> pd.DataFrame:
    """The rows that the claim is about."""
    pool = rows[rows["task"] == task]
    if pool.empty:
        raise CannotAnswer(f"no row of {task}")
    if claim.sweep and "sweep" in pool:
        pool = pool[pool["sweep"] == claim.sweep]
    for column in (claim.column, *claim.start, *claim.to):
        if column not in pool:
            raise UsageError(
                f"the rows must have the columns the claim names, but lack {column!r}; map it with --columns"
            )
    if claim.column not in AVERAGED:
        raise UsageError(
            f"a claim must be about one of {', '.join(AVERAGED)}, but {claim.claim!r} names {claim.column!r}"
        )
    return pool


def _side(pool: pd.DataFrame, claim: Claim, side: Mapping[str, Any], tables: _Tables) -> pd.DataFrame:
    """The usable trials of the one configuration that has these values."""
    found = pool
    for column, value in side.items():
        found = found[found[column] == value]
    usable = found[(found["status"] == "ok") & (found[claim.column] > 0)]
    if usable.empty:
        raise CannotAnswer(f"no {'usable ' if len(found) else ''}row with {spell(side)}")
    table = tables.of(usable)
    if len(table) > 1:
        raise CannotAnswer(
            f"{len(table)} different configurations (or sweeps, cards) match {spell(side)}, and are not averaged: "
            f"{'; '.join(table['configuration'].head(3))}; name more columns in the claim"
        )
    return usable


def _with_all_replicates(pool: pd.DataFrame, sides: list[pd.DataFrame], tables: _Tables) -> tuple[pd.Series, pd.Series]:
    """The two configurations, with intervals from all replicates of the rows and not from their own alone."""
    own = [label for usable in sides for label in usable.index]
    rest, _ = valid(pool[~pool.index.isin(own)])
    parts = [tables.of(rows) for rows in (*sides, rest) if len(rows)]
    together = with_intervals(pd.concat(parts, ignore_index=True))
    return together.iloc[0], together.iloc[1]


def _ratio(first: pd.Series, second: pd.Series, column: str) -> Ratio:
    if column in WITH_INTERVAL:
        found = ratio(first, second, column)
        if found.kind != WITHIN:  # windows of single trials say nothing of how trials differ
            return found
    return Ratio(float(first[column]) / float(second[column]), math.nan, math.nan, NONE)


def _differ(a: Any, b: Any) -> bool:
    return not (pd.isna(a) and pd.isna(b)) and a != b


def _both(first: pd.Series, second: pd.Series, column: str) -> tuple[float, float] | None:
    values = (float(first[column]), float(second[column]))
    return values if all(map(math.isfinite, values)) else None
