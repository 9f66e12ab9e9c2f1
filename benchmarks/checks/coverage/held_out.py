"""Recorded trials left out: does the interval of a configuration that was measured once hold another trial of it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from analysis.statistics.arrays import Floats
from analysis.statistics.between_trials import between_trials
from benchmarks.experiments.replicates.recorded import CHOSEN, JUDGED, Repeated, repeated
from benchmarks.experiments.replicates.run import CLASSES

# Of one model each: what was measured more than once whatever it was, not for being on a frontier.
RUNS = {name: tables for name, tables in (CHOSEN | JUDGED).items() if not name.startswith("frontier")}
ENOUGH = 60  # held-out trials, from which on the bar holds


@dataclass(frozen=True)
class HeldOut:
    """Of one class of mean power."""

    power: str
    trials: int  # pairs of one that was kept and one that was not
    held: int

    @property
    def share(self) -> float:
        return self.held / self.trials


def held_out() -> list[HeldOut]:
    """Every configuration in turn measured once, by each of its trials, and each of its others held out; the other
    configurations of its run keep all of theirs. Classes without trials are left out."""
    parts = [leave_out(repeated(tables)) for tables in RUNS.values()]
    held, power = (np.concatenate(values) for values in zip(*parts, strict=True))
    found = []
    for name, (low, high) in CLASSES.items():
        at = (power >= low) & (power < high)
        if at.any():
            found.append(HeldOut(name, int(at.sum()), int(held[at].sum())))
    return found


def leave_out(run: list[Repeated]) -> tuple[Floats, Floats]:
    """(is it held, W) of each pair of a kept and a held-out trial of one run."""
    sd = np.array([one.energy.std(ddof=1) / one.energy.mean() for one in run])
    trials = np.array([float(len(one.energy)) for one in run])
    power = np.array([one.power.mean() for one in run])
    held, watts = [], []
    for i, one in enumerate(run):
        for kept, energy in enumerate(one.energy):
            seen = [values.copy() for values in (sd, trials, power)]
            for values, own in zip(seen, (np.nan, 1.0, one.power[kept]), strict=True):
                values[i] = own
            known = between_trials(*seen)
            half = stdtrit(known.freedom[i], 0.975) * known.relative_sd[i] * np.sqrt(2)
            away = np.abs(np.log(np.delete(one.energy, kept) / energy))
            held += list(away <= half)
            watts += [one.power[kept]] * len(away)
    return np.array(held, dtype=float), np.array(watts)
