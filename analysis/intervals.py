"""How much energy and latency differ between separate trials of one configuration, and intervals of ratios
from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

# Where an interval comes from. "pooled replicates": the spread between trials of several configurations;
# "replicates": that of the only configuration measured more than once.
POOLED, REPLICATES, WITHIN, NONE = "pooled replicates", "replicates", "within trial", "none"


@dataclass(frozen=True)
class Spread:
    """Relative standard deviation between trials, pooled over configurations (errors are proportional to
    the value).

    Two trials of one configuration estimate their spread with one degree of freedom, so their own intervals
    would differ tenfold by chance; what many pairs say together is steady.
    """

    relative_sd: float  # NaN where no configuration has two trials
    freedom: int
    configurations: int = 0  # that have at least two trials

    @property
    def kind(self) -> str:
        """Of an interval made from this spread; WITHIN where there is none."""
        return POOLED if self.configurations > 1 else REPLICATES if self.freedom else WITHIN

    def half_width(self, mean: Any, trials: Any) -> np.ndarray:
        """Of the Student-t 95 % interval of a mean of `trials` trials, in its unit; NaN without a spread."""
        if not self.freedom:
            return np.full(np.shape(mean), np.nan)
        factor = float(stdtrit(self.freedom, 0.975)) * self.relative_sd
        return factor * np.asarray(mean, dtype=float) / np.sqrt(np.asarray(trials, dtype=float))


def pooled(relative_sd: np.ndarray, trials: np.ndarray) -> Spread:
    """From each configuration's own relative standard deviation and number of trials."""
    freedom = np.asarray(trials, dtype=float) - 1
    use = (freedom >= 1) & np.isfinite(relative_sd)
    if not use.any():
        return Spread(float("nan"), 0)
    total = freedom[use].sum()
    return Spread(
        float(np.sqrt((freedom[use] * relative_sd[use] ** 2).sum() / total)), int(total), int(use.sum())
    )


def spread(table: pd.DataFrame, name: str = "energy_j_per_example") -> Spread:
    """Pooled over the rows of `configurations` that average at least two trials."""
    relative = table[f"{name.split('_')[0]}_relative_sd"].to_numpy(dtype=float)
    return pooled(relative, table["n_trials"].to_numpy(dtype=float))


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
    return Ratio(value, low, high, NONE if np.isnan(low) else between.kind)


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
