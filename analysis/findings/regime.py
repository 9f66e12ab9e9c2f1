"""Where the stable regime ends: how far an axis can be reduced before the score is no longer known to be kept."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.findings.slices import same_as
from analysis.findings.verdict import NOT_WORSE
from search_spaces.axes import AXES


@dataclass(frozen=True)
class RegimeEnd:
    """One axis of one task at one precision, the other axes as the baseline has them.

    `last` is the row with the smallest value down to which every measured one is not worse than the baseline (None:
    not even the largest is); `beyond` the next smaller one, worse or undecided (None: nothing smaller was measured).
    """

    axis: str
    precision: str
    last: pd.Series | None
    beyond: pd.Series | None
    tokens_kept: float | None  # share of the longest limit's real tokens that an example has at `last`

    @property
    def value(self) -> int | None:
        return None if self.last is None else int(self.last[self.axis])

    @property
    def open(self) -> bool:
        """The regime may go on below what was measured."""
        return self.last is not None and self.beyond is None


def regime_ends(table: pd.DataFrame, baseline: pd.Series, axis: str) -> list[RegimeEnd]:
    """One end per precision of which at least two values of the axis were measured, the baseline's first.

    `table`: of `Judgement` or `Recommendation`, with its verdicts against the baseline.
    """
    others = [a for a in AXES if a not in (axis, "precision")]
    part = same_as(table, baseline, others).dropna(subset=[axis]).sort_values(axis, ascending=False)
    names = sorted(part["precision"].unique(), key=lambda p: (p != baseline["precision"], str(p)))
    found = []
    for precision in names:
        line = part[part["precision"] == precision]
        if len(line) < 2:
            continue
        kept = int((line["verdict"] == NOT_WORSE).cummin().sum())
        last = line.iloc[kept - 1] if kept else None
        beyond = line.iloc[kept] if kept < len(line) else None
        found.append(RegimeEnd(axis, str(precision), last, beyond, _tokens_kept(line, last)))
    return found


def _tokens_kept(line: pd.DataFrame, last: pd.Series | None) -> float | None:
    """Windows of a long text overlap, so more than one where an example is several inputs."""
    if last is None:
        return None
    kept, full = last["real_tokens_per_example"], line.iloc[0]["real_tokens_per_example"]
    return float(kept / full) if pd.notna(kept) and pd.notna(full) and full > 0 else None
