"""Recorded runs in which configurations were measured more than once."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from analysis.findings.configurations import configuration_columns, valid
from analysis.rows.cards import load_levelled
from analysis.statistics.arrays import Floats
from benchmarks.redraw import RESULTS

# A run may be several tables: one GPU of a host, and two.
CHOSEN = {
    "seeds, MiniLM (H200)": ["2026-11-27-h200-sst2-seeds"],
    "grid, MiniLM (H100)": ["2026-11-24-h100-sst2-minilm"],
}
JUDGED = {
    "frontier twice, MiniLM (H200)": ["2026-11-27-h200-sst2-twice-minilm"],
    "frontier twice, BERT-base (H200)": ["2026-11-27-h200-sst2-twice-bert-base"],
    "one and two GPUs, MiniLM (H100)": [f"2026-11-24-h100-two-gpus/results-minilm-{n}-gpu.csv" for n in (1, 2)],
    "one and two GPUs, BERT-base (H100)": [f"2026-11-24-h100-two-gpus/results-bert-base-{n}-gpu.csv" for n in (1, 2)],
}


@dataclass(frozen=True)
class Repeated:
    """The trials of one configuration, by the time that they started; arrays have one value per trial."""

    energy: Floats  # J per example
    within: Floats  # relative standard error of it, over the windows
    windows: Floats
    power: Floats  # W


def repeated(tables: list[str]) -> list[Repeated]:
    """The configurations with two valid trials or more."""
    paths: list[Path] = [RESULTS / table for table in tables]
    clean, _ = valid(load_levelled(*paths))
    found = []
    for _, trials in clean.sort_values("started_at").groupby(list(configuration_columns()), dropna=False):
        if len(trials) > 1:
            energy, half, windows, power = (
                trials[c].to_numpy(dtype=float)
                for c in ("energy_j_per_example", "energy_j_per_example_ci95", "windows", "mean_power_w")
            )
            found.append(Repeated(energy, within_error(half, energy, windows), windows, power))
    return found


def within_error(half_width: Floats, value: Floats, windows: Floats) -> Floats:
    """Relative standard error of a trial's value, from its Student-t 95 % half-width over so many windows."""
    return np.asarray(half_width / value / stdtrit(windows - 1, 0.975))
