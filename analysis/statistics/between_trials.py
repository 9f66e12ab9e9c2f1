"""How much separate trials of one configuration differ: by its mean power, from the replicates of a comparison.

What waits for the host draws little and repeats within 30 %, what the card bounds within 0.3 %. So the variance between
trials has a centre, whose log falls on a line in mean power, and each configuration's own lies about it as a scaled
inverse chi-square does (the hierarchy of Smyth, "Linear models and empirical Bayes methods for assessing differential
expression", Statistical Applications in Genetics and Molecular Biology 3, 3, 2004, whose centre is a constant). Line
and scatter are those most probable given the replicates and what recorded runs say of them (`PRIOR`), which matters
where few were repeated. EXPERIMENTS.md compares it with others on recorded runs (`benchmarks.experiments.replicates`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, digamma, polygamma, stdtrit

from analysis.statistics.arrays import Bools, Floats

# No configuration is said to repeat better than this (relative standard deviation between trials): ten trials of a
# GPU-bound one differed by 0.29 % on an H100 (`benchmarks.checks.repeatability`).
REPEATABILITY = 0.003
_REFERENCE = 0.75  # of the highest mean power: where `PRIOR` knows the log variance best
# Of (log variance at `_REFERENCE`, its change from no power to the highest, log of the degrees of freedom of the
# scatter): mean and standard deviation of a normal each. The means are those of the two runs that the model was chosen
# on (H200 seeds, H100 grid; 42 configurations: 2.3 %, -7.5, 9); the deviations are wide, since other hosts differ.
PRIOR = np.array([[2 * np.log(0.023), -7.5, np.log(5.0)], [1.5, 3.0, 0.7]])
_LEAST_VARIANCE = 1e-9  # added: two trials may agree in all their digits
_BOUNDS = [(-25.0, 5.0), (-40.0, 40.0), (-1.5, 6.0)]
_STEP = 1e-3  # of the differences of the gradient


@dataclass(frozen=True)
class BetweenTrials:
    """What replicates say about all configurations of one comparison; arrays have one value per configuration."""

    relative_sd: Floats  # of one trial; NaN where nothing was repeated
    freedom: Floats  # how well that is known: degrees of freedom, 0 where nothing was repeated
    repeated: Bools  # has at least two trials of its own

    @property
    def configurations(self) -> int:
        """That have at least two trials."""
        return int(self.repeated.sum())

    def half_width(self, mean: Floats, trials: Floats) -> Floats:
        """Of the Student-t 95 % interval of each configuration's mean over so many trials, in its unit."""
        return np.asarray(stdtrit(self.freedom, 0.975) * self.relative_sd * mean / np.sqrt(trials))


def between_trials(relative_sd: Floats, trials: Floats, power: Floats) -> BetweenTrials:
    """From each configuration's relative standard deviation between its own trials, their number, and its mean power
    (any unit; NaN: not known, which counts as the mean of the others).

    With the centre m of a configuration's variance, the scatter's freedom v, and its own variance s^2 of d degrees of
    freedom (0 where it was measured once), its variance is (v m + d s^2) / (v + d), known like a chi-square of v + d
    degrees of freedom. That the line is not known exactly takes freedom away: the log variances of both add up to
    trigamma(freedom / 2). Never below `REPEATABILITY`.
    """
    own = np.asarray(trials, dtype=float) - 1
    repeated = (own >= 1) & np.isfinite(relative_sd)
    if not repeated.any():
        return BetweenTrials(np.full(len(own), np.nan), np.zeros(len(own)), repeated)
    columns = np.column_stack([np.ones(len(own)), _relative(power) - _REFERENCE])
    own = np.where(repeated, own, 0.0)
    variance = np.where(repeated, np.nan_to_num(relative_sd) ** 2, 0.0) + _LEAST_VARIANCE
    at, covariance = _most_probable(variance[repeated], own[repeated], columns[repeated])
    center, scatter = np.exp(columns @ at[:2]), float(np.exp(at[2]))
    total = scatter + own
    found = (scatter * center + own * variance) / total
    share = scatter * center / (total * found)  # of the line in it
    of_line = np.einsum("ij,jk,ik->i", columns, covariance[:2, :2], columns)
    freedom = 2 * inverse_trigamma(polygamma(1, total / 2) + share**2 * of_line)
    # The same mean of the log variance at fewer degrees of freedom.
    shift = _log_bias(freedom) - _log_bias(total)
    return BetweenTrials(np.maximum(np.sqrt(found * np.exp(shift)), REPEATABILITY), freedom, repeated)


def _log_bias(freedom: Floats) -> Floats:
    """Mean of the log of a chi-square over its freedom."""
    return np.asarray(digamma(freedom / 2) - np.log(freedom / 2))


def _relative(power: Floats) -> Floats:
    """Of the highest; `_REFERENCE` for all where none is known."""
    known = np.isfinite(power) & (power > 0)
    if not known.any():
        return np.full(len(power), _REFERENCE)
    share = np.where(known, power, np.nan) / power[known].max()
    return np.asarray(np.where(known, share, np.nanmean(share)))


def _most_probable(variance: Floats, freedom: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """The parameters of `PRIOR` given variances of so many degrees of freedom, and their covariance (3, 3)."""

    half = freedom / 2

    def surprise(at: Floats) -> tuple[float, Floats]:
        """Minus the log density, and its gradient."""
        scatter = np.exp(at[2])
        odds = freedom / scatter * np.exp(np.log(variance) - columns @ at[:2])
        density = half * np.log(odds) - (half + scatter / 2) * np.log1p(odds) - betaln(half, scatter / 2)
        by_log_odds = half - (half + scatter / 2) * odds / (1 + odds)
        by_scatter = (digamma(half + scatter / 2) - digamma(scatter / 2) - np.log1p(odds)) / 2
        of_rows = np.array([*(columns.T @ -by_log_odds), (scatter * by_scatter - by_log_odds).sum()])
        away = (at - PRIOR[0]) / PRIOR[1]
        return float((away**2).sum() / 2 - density.sum()), away / PRIOR[1] - of_rows

    at = minimize(surprise, PRIOR[0], jac=True, method="L-BFGS-B", bounds=_BOUNDS).x
    curvature = np.array([surprise(at + step)[1] - surprise(at - step)[1] for step in _STEP * np.eye(3)]) / (2 * _STEP)
    return np.asarray(at), np.asarray(np.linalg.inv((curvature + curvature.T) / 2), dtype=float)


def inverse_trigamma(value: Floats) -> Floats:
    """Newton's iteration on 1 / trigamma, which is convex and nearly linear (Smyth 2004, appendix; `limma`)."""
    x = 0.5 + 1 / value
    for _ in range(10):
        now = polygamma(1, x)
        x = x + now * (1 - now / value) / polygamma(2, x)
    return np.asarray(x)
