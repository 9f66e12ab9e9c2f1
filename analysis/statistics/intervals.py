"""How much energy and latency differ between separate trials of one configuration, and intervals from it.

Separate trials differ more than the windows of one trial do, and how much depends on the configuration: a GPU-bound one
repeats within 0.3 %, one that waits for the host differs by up to 30 % (EXPERIMENTS.md). One pooled spread is wrong for
both. So every configuration keeps its own error within trials, and the replicates say how many times too small it is:
one factor for all, the Birge ratio (R. T. Birge, "The calculation of errors by the method of least squares", Physical
Review 40, 207, 1932).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import digamma, polygamma, stdtrit

from analysis.statistics.arrays import Floats

# Where an interval comes from. "pooled replicates": what separate trials of several configurations say about all;
# "replicates": those of the only configuration measured more than once.
POOLED, REPLICATES, WITHIN, NONE = "pooled replicates", "replicates", "within trial", "none"

# No configuration is said to repeat better than this (relative standard deviation between trials): ten trials of a
# GPU-bound one differed by 0.29 % on an H100 (`benchmarks.checks.repeatability`), where five windows say their mean to
# 0.1 or 0.2 %: how warm the card is differs from trial to trial more than from window to window.
REPEATABILITY = 0.003
ENOUGH_FOR_A_LINE = 10  # configurations: see `moderated`
_NOTHING = 50.0  # half-width of a log ratio from which on an interval (21 orders of magnitude) is none


@dataclass(frozen=True)
class BetweenTrials:
    """What replicates say about all configurations of one comparison; arrays have one value per configuration."""

    relative_sd: Floats  # of one trial; NaN where nothing was repeated
    freedom: Floats  # how well that is known: degrees of freedom, 0 where nothing was repeated
    inflation: float  # Birge ratio, at least 1; NaN where no error within trials is known
    configurations: int  # that have at least two trials

    @property
    def kind(self) -> str:
        """Of an interval made from this; WITHIN where nothing was repeated."""
        return POOLED if self.configurations > 1 else REPLICATES if self.configurations else WITHIN

    def half_width(self, mean: Floats, trials: Floats) -> Floats:
        """Of the Student-t 95 % interval of each configuration's mean over so many trials, in its unit."""
        return np.asarray(stdtrit(self.freedom, 0.975) * self.relative_sd * mean / np.sqrt(trials))


def between_trials(
    relative_sd: Floats, trials: Floats, within: Floats, within_freedom: Floats, power: Floats | None = None
) -> BetweenTrials:
    """From each configuration's relative standard deviation between its own trials, their number, its relative
    standard error within trials (see `within_error`; NaN or 0: not known) with its degrees of freedom, and mean power.

    inflation^2 = sum (trials - 1) relative_sd^2 / within^2 / sum (trials - 1) over the replicated ones, at least 1;
    a trial of configuration j then varies by inflation x within_j, at least `REPEATABILITY`. `within` is moderated
    first (see there). The variances of the logs of both factors add up to that of a chi-square of the freedom given,
    trigamma(freedom / 2), so that 95 % intervals hold the truth in 95 % of cases (its test simulates it).
    Where no configuration knows its `within`, it counts as equal for all: a pooled relative spread.
    """
    repeats = np.asarray(trials, dtype=float) - 1
    repeated = (repeats >= 1) & np.isfinite(relative_sd)
    total, size = float(repeats[repeated].sum()), len(repeats)
    if not total:
        return BetweenTrials(np.full(size, np.nan), np.zeros(size), float("nan"), 0)
    known = bool(((within > 0) & (within_freedom > 0)).any())
    variance, doubt = np.ones(size), np.zeros(size)
    if known:
        variance, doubt = moderated(within**2, within_freedom, power)
    ratio = float(np.sqrt((repeats * relative_sd**2 / variance)[repeated].sum() / total))
    count = int(repeated.sum())
    if not known:
        return BetweenTrials(np.full(size, ratio), np.full(size, total), float("nan"), count)
    ratio = max(ratio, 1.0)
    freedom = 2 * _inverse_trigamma(polygamma(1, total / 2) + doubt)
    return BetweenTrials(np.maximum(ratio * np.sqrt(variance), REPEATABILITY), freedom, ratio, count)


def within_error(half_width: Floats, value: Floats, windows: Floats) -> Floats:
    """Relative standard error of a trial's value, from its Student-t 95 % half-width over so many windows."""
    freedom = np.asarray(windows, dtype=float) - 1
    return np.asarray(half_width / value / stdtrit(np.where(freedom >= 1, freedom, np.nan), 0.975))


def moderated(variance: Floats, freedom: Floats, power: Floats | None = None) -> tuple[Floats, Floats]:
    """Variances drawn, on the log scale, towards what is usual at their mean power, the less certain the more; and
    the variances of the logs that remain.

    Few windows agree or disagree by luck. A configuration whose windows did would get a wrong interval, or as a
    replicated one blow up the inflation of all. A log variance is known to trigamma(freedom / 2): where the variances
    differ by no more than that each becomes the usual one, where they differ truly each stays near its own (the
    log-scale shrinkage of Cui et al., "Improved statistical tests for differential gene expression by shrinking
    variance components estimates", Biostatistics 6, 59, 2005). An unknown one (NaN, 0, no freedom) gets the usual one.

    The usual log variance is a line in power (W, any scale): what waits for the host draws little and is noisy. On the
    H100 grid that line explains two thirds of how the log variances truly differ. With fewer than `ENOUGH_FOR_A_LINE`,
    or without power, it is their mean.
    """
    known = (variance > 0) & (freedom > 0)
    half = freedom[known] / 2
    unbiased = np.log(variance[known]) - (digamma(half) - np.log(half))
    noise = polygamma(1, half)
    columns = np.ones((len(variance), 1))
    if power is not None and known.sum() >= ENOUGH_FOR_A_LINE and np.isfinite(power[known]).any():
        away = power - np.nanmean(power[known])
        columns = np.column_stack([columns, np.nan_to_num(away)])
    fit, _, rank, _ = np.linalg.lstsq(columns[known], unbiased, rcond=None)
    found = columns @ fit
    own = unbiased - found[known]
    left = len(own) - rank
    true = max(float((own**2).sum() / left - noise.mean()), 0.0) if left else 0.0
    doubt = np.full(len(variance), true)
    weight = true / (true + noise)
    found[known] += weight * own
    doubt[known] = weight * noise
    return np.exp(found), doubt


def _inverse_trigamma(value: Floats) -> Floats:
    """Newton's iteration on 1 / trigamma, which is convex and nearly linear (Smyth 2004, appendix; `limma`)."""
    x = 0.5 + 1 / value
    for _ in range(10):
        now = polygamma(1, x)
        x = x + now * (1 - now / value) / polygamma(2, x)
    return np.asarray(x)


@dataclass(frozen=True)
class Ratio:
    """`value` = first over second, with a 95 % interval of the named kind (NaN limits where there is
    none)."""

    value: float
    low: float
    high: float
    kind: str


def ratio(first: Any, second: Any, name: str = "energy_j_per_example") -> Ratio:
    """Ratio of two rows of one table of `configurations`; see `ratios`."""
    value, low, high = (float(v) for v in ratios(first, second, name))
    return Ratio(value, low, high, NONE if np.isnan(low) else str(first["interval_kind"]))


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
