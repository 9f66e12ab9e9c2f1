"""Sweeps that choose, and the fresh trials that confirm them: all sweeps of a cell at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.arrays import Bools, Floats
from analysis.statistics.welch import welch_ratio
from benchmarks.checks.coverage.truths import Truth
from tuner.fresh_trials import in_turn
from tuner.frontier import ROUNDS

Ints = NDArray[np.int64]
Sweep = Callable[[Truth, int, np.random.Generator], Floats]


@dataclass(frozen=True)
class Cell:
    """What came of the sweeps of one kind on one truth. Bias: of the mean ratio, relative to the true one."""

    sweeps: int
    held: int  # intervals that hold the true ratio
    bias: float
    bias_of_the_sweep: float  # of the ratio that the sweep's own trials give
    width: float  # median upper over lower limit


def cell(truth: Truth, sweep: Sweep, sweeps: int, rng: np.random.Generator) -> Cell:
    """So many sweeps, each followed by a confirmation."""
    means = sweep(truth, sweeps, rng)
    choice = chosen(means, truth.baseline)
    base = np.full(sweeps, truth.baseline)
    true = truth.energy[base] / truth.energy[choice]
    value, low, high = welch_ratio(*fresh(truth, base, choice, rng))
    own = means[:, truth.baseline] / np.take_along_axis(means, choice[:, None], axis=1)[:, 0]
    return Cell(
        sweeps=sweeps,
        held=int(((low <= true) & (true <= high)).sum()),
        bias=float((value / true).mean() - 1),
        bias_of_the_sweep=float((own / true).mean() - 1),
        width=float(np.median(high / low)),
    )


def chosen(means: Floats, baseline: int) -> Ints:
    """(sweeps,) the cheapest configuration beside the baseline, by the means (sweeps, configurations) of the trials."""
    others = means.copy()
    others[:, baseline] = np.inf
    return np.asarray(others.argmin(axis=1))


def fresh(truth: Truth, base: Ints, choice: Ints, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Energies (sweeps, 3) of the fresh trials of baseline and choice, in the order in which a run measures them."""
    order = in_turn(2)
    measured: tuple[list[Floats], list[Floats]] = ([], [])
    for place, (which, _) in enumerate(order):
        at = np.full(len(base), 1 + place / (len(order) - 1))
        measured[which].append(trial(truth, (base, choice)[which], at, rng))
    return np.column_stack(measured[0]), np.column_stack(measured[1])


def trial(truth: Truth, which: Ints, at: Floats, rng: np.random.Generator) -> Floats:
    """One trial of each of the configurations `which`; `at`: when, in lengths of the sweep."""
    spread, z = truth.spread[which], rng.standard_normal(which.shape)
    if truth.lognormal:
        sigma = np.sqrt(np.log1p(spread**2))
        noise = np.exp(sigma * z - sigma**2 / 2)  # its mean is 1
    else:
        noise = np.maximum(1 + spread * z, 0.05)
    return np.asarray(truth.energy[which] * noise * (1 + truth.drift * at))


# ---- sweeps: the means (sweeps, configurations) of their own trials ----


def all_measured(replicates: int) -> Sweep:
    """Every configuration so many times, shuffled over the sweep."""

    def means(truth: Truth, sweeps: int, rng: np.random.Generator) -> Floats:
        which = np.broadcast_to(np.arange(len(truth.energy)), (sweeps, len(truth.energy)))
        trials = np.stack([trial(truth, which, rng.random(which.shape), rng) for _ in range(replicates)])
        return np.asarray(trials.mean(axis=0))

    return means


def frontier_twice(truth: Truth, sweeps: int, rng: np.random.Generator) -> Floats:
    """Each once, and what is on the frontier then, and the baseline, once more at the sweep's end, as
    `tuner.frontier`."""
    once = all_measured(1)(truth, sweeps, rng)
    which = np.broadcast_to(np.arange(len(truth.energy)), once.shape)
    again = trial(truth, which, np.ones(once.shape), rng)
    repeated = np.zeros(once.shape, dtype=bool)
    for _ in range(ROUNDS):
        repeated |= front(np.where(repeated, (once + again) / 2, once), truth.accuracy)
        repeated[:, truth.baseline] = True
    return np.where(repeated, (once + again) / 2, once)


def front(energy: Floats, accuracy: Floats) -> Bools:
    """(sweeps, configurations): is nothing as accurate or more for less energy, or more accurate for as little?"""
    found = np.zeros(energy.shape, dtype=bool)
    least = np.full(len(energy), np.inf)
    for value in sorted(set(accuracy), reverse=True):
        alike = accuracy == value
        cheapest = energy[:, alike].min(axis=1)
        found[:, alike] = (energy[:, alike] == cheapest[:, None]) & (cheapest < least)[:, None]
        least = np.minimum(least, cheapest)
    return found


SWEEPS: dict[str, Sweep] = {"one trial each": all_measured(1), "frontier x2": frontier_twice, "all x3": all_measured(3)}
