"""How much energy and latency differ between separate trials of one configuration, and intervals of ratios
from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

REPLICATES, WITHIN, NONE = "replicates", "within trial", "none"


@dataclass(frozen=True)
class Spread:
    """Relative standard deviation between trials, pooled over configurations (errors are proportional to
    the value)."""

    relative_sd: float  # NaN where no configuration has two trials
    freedom: int


def spread(table: pd.DataFrame, name: str = "energy_j_per_example") -> Spread:
    """Pooled over the rows of `configurations` that average at least two trials."""
    relative = table[f"{name.split('_')[0]}_relative_sd"].to_numpy(dtype=float)
    freedom = table["n_trials"].to_numpy(dtype=float) - 1
    use = (freedom >= 1) & np.isfinite(relative)
    if not use.any():
        return Spread(float("nan"), 0)
    pooled = np.sqrt((freedom[use] * relative[use] ** 2).sum() / freedom[use].sum())
    return Spread(float(pooled), int(freedom[use].sum()))


@dataclass(frozen=True)
class Ratio:
    """`value` = first over second, with a 95 % interval of the named kind (NaN limits where there is
    none)."""

    value: float
    low: float
    high: float
    kind: str


def ratio(first: Any, second: Any, between: Spread, name: str = "energy_j_per_example") -> Ratio:
    """Ratio of two rows of `configurations`; see `ratios`."""
    value, low, high = (float(v) for v in ratios(first, second, between, name))
    kind = NONE if np.isnan(low) else REPLICATES if between.freedom else WITHIN
    return Ratio(value, low, high, kind)


def ratios(
    first: Any, second: Any, between: Spread, name: str = "energy_j_per_example"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`first` over `second` (rows or tables of `configurations`): ratio, and its 95 % limits (NaN: unknown).

    With replicates a Student-t interval of the log ratio with the pooled spread, so that two trials do not
    each pay with their one degree of freedom. Otherwise the within-trial half-widths, in quadrature.
    """
    above, below = (np.asarray(side[name], dtype=float) for side in (first, second))
    value = above / below
    if between.freedom:
        trials = sum(1 / np.asarray(side["n_trials"], dtype=float) for side in (first, second))
        half = float(stdtrit(between.freedom, 0.975)) * between.relative_sd * np.sqrt(trials)
    else:
        relative = [
            np.asarray(side[f"{name}_ci95"], dtype=float) / v for side, v in ((first, above), (second, below))
        ]
        half = np.hypot(relative[0], relative[1])
    return value, value * np.exp(-half), value * np.exp(half)
