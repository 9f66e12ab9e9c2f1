"""Where the 95 % interval of a configuration comes from, and the interval of a ratio of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.statistics.arrays import Floats

# Where an interval comes from, the best first. "replicates": separate trials of its own, steadied by those of others.
# "replicates of others": it was measured once, and others of its mean power differed so between trials: what one trial
# of its kind is worth, and nothing about how its own would differ. "within trial": over the windows of the only trial.
REPLICATES, OF_OTHERS, WITHIN, NONE = "replicates", "replicates of others", "within trial", "none"
KINDS = (REPLICATES, OF_OTHERS, WITHIN, NONE)

_NOTHING = 50.0  # half-width of a log ratio from which on an interval (21 orders of magnitude) is none


@dataclass(frozen=True)
class Ratio:
    """`value` = first over second, with a 95 % interval of the named kind (NaN limits where there is
    none)."""

    value: float
    low: float
    high: float
    kind: str


def ratio(first: Any, second: Any, name: str = "energy_j_per_example") -> Ratio:
    """Ratio of two rows of one table of `configurations`; see `ratios`. Its kind is the poorer of the two."""
    value, low, high = (float(v) for v in ratios(first, second, name))
    return Ratio(value, low, high, NONE if np.isnan(low) else poorer(first["interval_kind"], second["interval_kind"]))


def poorer(*kinds: Any) -> str:
    """Of kinds of intervals, the one that says least."""
    return max(map(str, kinds), key=KINDS.index)


def ratios(first: Any, second: Any, name: str = "energy_j_per_example") -> tuple[Floats, Floats, Floats]:
    """`first` over `second` (rows or tables of `configurations`): ratio, and its 95 % limits (NaN: unknown).

    An interval of the log ratio: both relative half-widths in quadrature.
    """
    above, below = (np.asarray(side[name], dtype=float) for side in (first, second))
    value = above / below
    relative = [np.asarray(side[f"{name}_ci95"], dtype=float) / v for side, v in ((first, above), (second, below))]
    half = np.hypot(relative[0], relative[1])
    half = np.where(half < _NOTHING, half, np.nan)
    return value, value * np.exp(-half), value * np.exp(half)
