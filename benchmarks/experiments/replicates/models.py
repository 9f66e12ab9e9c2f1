"""Models of the spread between trials: what is kept of a run in, and what one trial of each configuration is worth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, polygamma

from analysis.statistics.arrays import Floats
from analysis.statistics.between_trials import REPEATABILITY, between_trials, inverse_trigamma

LEAST_TRUE = 0.7  # variance of the log variances about their line, at least: that of the audit of these runs
ENOUGH_FOR_A_LINE = 4  # configurations


@dataclass(frozen=True)
class Kept:
    """What a model sees, one value per configuration."""

    relative_sd: Floats  # between its own trials; NaN for one
    trials: Floats
    within: Floats  # relative standard error of one trial, over its windows
    within_freedom: Floats
    power: Floats  # W


Model = Callable[[Kept], tuple[Floats, Floats]]  # relative standard deviation of one trial, its degrees of freedom


def one_factor(kept: Kept) -> tuple[Floats, Floats]:
    """The error within trials times one factor for all (Birge 1932), as reports had it until 2026-11-27."""
    repeats, at = kept.trials - 1, kept.trials > 1
    variance, doubt = _moderated(kept.within**2, kept.within_freedom, kept.power)
    total = repeats[at].sum()
    factor = max(float(np.sqrt((repeats * kept.relative_sd**2 / variance)[at].sum() / total)), 1.0)
    freedom = 2 * inverse_trigamma(polygamma(1, total / 2) + doubt)
    return np.maximum(factor * np.sqrt(variance), REPEATABILITY), freedom


def line(kept: Kept) -> tuple[Floats, Floats]:
    """Log variances between trials by weighted least squares on mean power; the mean, of fewer than four."""
    at = kept.trials > 1
    half = (kept.trials[at] - 1) / 2
    logs, noise = np.log(kept.relative_sd[at] ** 2 + 1e-9) - _bias(half), polygamma(1, half)
    columns = np.column_stack([np.ones(len(at)), kept.power / 700 - 0.5])
    columns = columns if at.sum() >= ENOUGH_FOR_A_LINE else columns[:, :1]
    weights = 1 / (noise + LEAST_TRUE)
    covariance = np.linalg.inv((columns[at].T * weights) @ columns[at])
    fit = covariance @ (columns[at].T @ (weights * logs))
    left = max(int(at.sum()) - columns.shape[1], 1)
    true = max(float(((logs - columns[at] @ fit) ** 2).sum() / left - noise.mean()), LEAST_TRUE)
    freedom = 2 * inverse_trigamma(np.einsum("ij,jk,ik->i", columns, covariance, columns) + true)
    return np.maximum(np.exp((columns @ fit + _bias(freedom / 2)) / 2), REPEATABILITY), freedom


def hierarchy(kept: Kept) -> tuple[Floats, Floats]:
    """What reports use: a line in mean power with scatter, given the replicates and recorded runs."""
    found = between_trials(kept.relative_sd, kept.trials, kept.power)
    return found.relative_sd, found.freedom


def hierarchy_without_power(kept: Kept) -> tuple[Floats, Floats]:
    """The same with one centre for all: what the line is worth."""
    found = between_trials(kept.relative_sd, kept.trials, np.full(len(kept.power), np.nan))
    return found.relative_sd, found.freedom


MODELS: dict[str, Model] = {
    "one factor": one_factor,
    "line": line,
    "hierarchy": hierarchy,
    "hierarchy, no power": hierarchy_without_power,
}


def _bias(half: Floats) -> Floats:
    return np.asarray(digamma(half) - np.log(half))


def _moderated(variance: Floats, freedom: Floats, power: Floats) -> tuple[Floats, Floats]:
    """Variances within trials drawn, on the log scale, towards a line in power as far as they differ by luck (Cui et
    al., Biostatistics 6, 59, 2005), and the variances of the logs that remain."""
    half = freedom / 2
    logs, noise = np.log(variance) - _bias(half), polygamma(1, half)
    columns = np.column_stack([np.ones(len(power)), power - power.mean()])
    columns = columns if len(power) >= 10 else columns[:, :1]
    found = columns @ np.linalg.lstsq(columns, logs, rcond=None)[0]
    true = max(float(((logs - found) ** 2).sum() / max(len(logs) - columns.shape[1], 1) - noise.mean()), 0.0)
    weight = true / (true + noise)
    return np.exp(found + weight * (logs - found)), weight * noise
