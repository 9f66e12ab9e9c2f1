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
    value, low, high = ratios(first, pd.DataFrame([second]), between, name)
    kind = NONE if np.isnan(low[0]) else REPLICATES if between.freedom else WITHIN
    return Ratio(float(value[0]), float(low[0]), float(high[0]), kind)


def ratios(
    first: Any, table: pd.DataFrame, between: Spread, name: str = "energy_j_per_example"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row `first` over each row of `table` (both of `configurations`): ratio, and its 95 % limits (NaN:
    unknown).

    With replicates a Student-t interval of the log ratio with the pooled spread, so that two trials do not
    each pay with their one degree of freedom. Otherwise the within-trial half-widths, in quadrature.
    """
    values = table[name].to_numpy(dtype=float)
    value = float(first[name]) / values
    if between.freedom:
        trials = 1 / float(first["n_trials"]) + 1 / table["n_trials"].to_numpy(dtype=float)
        half = float(stdtrit(between.freedom, 0.975)) * between.relative_sd * np.sqrt(trials)
    else:
        relative = table[f"{name}_ci95"].to_numpy(dtype=float) / values
        half = np.hypot(float(first[f"{name}_ci95"]) / float(first[name]), relative)
    return value, value * np.exp(-half), value * np.exp(half)
