"""What is true in a simulation: energies, and how much separate trials differ from them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import analysis
from analysis.findings.baseline import find_baseline
from analysis.statistics.arrays import Floats

RECORDED = Path(__file__).resolve().parents[3] / "docs" / "results" / "2026-11-27-h200-sst2-seeds"
# Relative standard error of a trial by its own windows, about as recorded: where the card is the limit, and where it
# waits for the host (below so many W).
STEADY, WAITING, WAITS_BELOW_W = 0.003, 0.03, 400.0


@dataclass(frozen=True)
class Truth:
    """Arrays have a value per configuration."""

    name: str
    energy: Floats  # J per example, in the long run
    spread: Floats  # relative standard deviation of one trial
    accuracy: Floats
    baseline: int  # its place
    lognormal: bool = False  # else normal
    drift: float = 0.0  # relative rise of all energies over a sweep, and again over its fresh trials


def truths() -> list[Truth]:
    """One factor between trials and windows for all; steady and waiting ones apart, and the reverse; log-normal with
    the recorded spreads; drift."""
    table = analysis.configurations(analysis.valid(analysis.load(RECORDED))[0])
    waits = table["mean_power_w"].to_numpy(dtype=float) < WAITS_BELOW_W
    within = np.where(waits, WAITING, STEADY)
    quiet = Truth(
        "quiet 1.1, noisy 6.4",
        table["energy_j_per_example"].to_numpy(dtype=float),
        within * np.where(waits, 6.4, 1.1),
        table["accuracy"].to_numpy(dtype=float),
        int(np.flatnonzero(table.index == find_baseline(table))[0]),
    )
    recorded = table["energy_relative_sd"].to_numpy(dtype=float)
    return [
        replace(quiet, name="constant factor 3", spread=3 * within),
        quiet,
        replace(quiet, name="quiet 6.4, noisy 1.1", spread=within * np.where(waits, 1.1, 6.4)),
        replace(quiet, name="log-normal as recorded", spread=recorded, lognormal=True),
        replace(quiet, name="quiet 1.1, noisy 6.4, 3 % drift", drift=0.03),
    ]
