"""A recorded run, with only some of each trial's windows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.findings.configurations import valid
from analysis.rows.cards import load_levelled
from analysis.rows.windows import load_windows
from analysis.statistics.arrays import Floats
from search_spaces.errors import UsageError
from trainables.rows.interval import half_width

ENERGY, LATENCY, POWER = "energy_j_per_example", "latency_ms_per_example", "mean_power_w"
Keep = Callable[[int], np.ndarray]  # of so many windows of a trial, the positions of those that are kept


@dataclass(frozen=True)
class Recorded:
    """The valid rows of a run's sweep, and the windows of each: joules, seconds and passes, (windows, 3)."""

    name: str
    rows: pd.DataFrame
    windows: dict[Any, Floats]  # by the row's index

    def of_seed(self, seed: int) -> "Recorded":
        rows = self.rows[self.rows["seed"] == seed]
        return Recorded(f"{self.name}, seed {seed}", rows, {i: self.windows[i] for i in rows.index})

    def cut(self, keep: Keep) -> pd.DataFrame:
        """The rows as they would be of the windows kept.

        What is levelled between cards stays so: full values are scaled by the kept windows over all of them.
        """
        records = []
        for i, row in self.rows.iterrows():
            table = self.windows[i]
            kept = table[keep(len(table))]
            (joules, seconds, passes), (all_joules, all_seconds, all_passes) = kept.sum(axis=0), table.sum(axis=0)
            energy, latency = joules / passes * all_passes / all_joules, seconds / passes * all_passes / all_seconds
            per_pass = kept[:, 0] / kept[:, 2]
            half = half_width(per_pass) * passes / joules if len(kept) > 1 else np.nan
            value = row[ENERGY] * energy
            records.append((value, half * value, row[LATENCY] * latency, row[POWER] * energy / latency))
        columns = [ENERGY, f"{ENERGY}_ci95", LATENCY, POWER]
        return self.rows.assign(**pd.DataFrame(records, columns=columns, index=self.rows.index))

    @property
    def most_windows(self) -> int:
        return max(len(table) for table in self.windows.values())

    def time_left(self, count: int) -> tuple[float, float]:
        """(Of all trials together, of the median trial) what is left of their time with the first `count` windows."""
        whole = self.rows["trial_s"].to_numpy(dtype=float)
        spared = np.array([self.windows[i][count:, 1].sum() for i in self.rows.index])
        return float(1 - spared.sum() / whole.sum()), float(np.median(1 - spared / whole))


def read(path: Path) -> Recorded:
    """A run folder. UsageError where it keeps no windows of its rows."""
    rows = valid(load_levelled(path))[0]
    by_trial = {
        name: part.sort_values("window")[["energy_j", "duration_s", "passes"]].to_numpy(dtype=float)
        for name, part in load_windows(path).groupby("trial_id")
    }
    found = {i: by_trial[name] for i, name in rows["trial_id"].items() if name in by_trial}
    if len(found) < len(rows) or not found:
        raise UsageError(f"a run must keep the windows of its rows, but {path} lacks some; give another run")
    return Recorded(path.name, rows, found)
