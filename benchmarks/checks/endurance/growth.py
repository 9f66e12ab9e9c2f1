"""How memory and overhead grow over the trials of a run, and the bars."""

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.checks.endurance.watch import PROCESSES
from benchmarks.lib.bars import Bar

SETTLED = 100  # trials after which memory is fitted, and the trials of the two hundreds
# The driver's bar allows Tune's record of each trial; docs/running.md says what is in it.
DRIVER_KIB_PER_TRIAL, WORKER_KIB_PER_TRIAL, OVERHEAD_RATIO = 52.0, 5.2, 1.25


def by_trial(samples: list[dict[str, float]], rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Samples taken while trials ran: `trial` (how many had ended) and KiB by process; NaN where there was none."""
    ends = np.sort((rows["started_at"] + rows["trial_s"]).to_numpy(float))
    time_s = np.array([s["time_s"] for s in samples])
    running = (time_s >= ends[0]) & (time_s <= ends[-1])
    found = {"trial": np.searchsorted(ends, time_s[running], side="right").astype(float)}
    for name in PROCESSES:
        kib = np.array([s[name] for s in samples])[running]
        found[name] = np.where(kib > 0, kib, np.nan)
    return found


def growth(trial: np.ndarray, kib: np.ndarray) -> tuple[float, float]:
    """KiB per trial from SETTLED on by least squares, and the half-width of its 95 % interval (jackknife)."""
    known = np.isfinite(kib) & (trial >= SETTLED)
    x, y = trial[known], kib[known]
    if len(x) < 20:
        return float("nan"), float("nan")
    slope = float(np.polyfit(x, y, 1)[0])
    # Memory moves in steps, so that residuals are not independent: the spread of slopes without one block each.
    blocks = np.array_split(np.arange(len(x)), 10)
    left_out = np.array([np.polyfit(np.delete(x, b), np.delete(y, b), 1)[0] for b in blocks])
    n = len(blocks)
    return slope, float(2.262 * np.sqrt((n - 1) / n * np.sum((left_out - np.mean(left_out)) ** 2)))


def overhead_s(rows: pd.DataFrame) -> np.ndarray:
    """Seconds between the end of each trial and the start of the next, in their order."""
    ordered = rows.sort_values("started_at")
    start, trial_s = (ordered[column].to_numpy(float) for column in ("started_at", "trial_s"))
    gaps: np.ndarray = start[1:] - (start + trial_s)[:-1]
    return gaps


def summarise(memory: dict[str, np.ndarray], gaps: np.ndarray) -> tuple[dict[str, Any], list[Bar]]:
    """The numbers and the bars."""
    kib = {name: growth(memory["trial"], memory[name]) for name in PROCESSES}
    first, last = gaps[:SETTLED], gaps[-SETTLED:]
    payload = {
        "trials": len(gaps) + 1,
        "kib_per_trial": {name: {"slope": s, "ci95": c} for name, (s, c) in kib.items()},
        "mib_at_trial_100_and_last": {
            name: [float(np.nanmedian(part)) / 1024 for part in settled_and_last(memory["trial"], memory[name])]
            for name in PROCESSES
        },
        "overhead_s": {
            "first_hundred": {"median": float(np.median(first)), "mean": float(first.mean())},
            "last_hundred": {"median": float(np.median(last)), "mean": float(last.mean())},
        },
    }
    bars = [
        Bar("KiB per trial, driver", kib["driver"][0], DRIVER_KIB_PER_TRIAL),
        Bar("KiB per trial, measuring process", kib["measuring process"][0], WORKER_KIB_PER_TRIAL),
        Bar("overhead, last hundred over first (medians)", float(np.median(last) / np.median(first)), OVERHEAD_RATIO),
    ]
    return payload, bars


def settled_and_last(trial: np.ndarray, kib: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The readings of the 50 trials from SETTLED on, and of the last 50."""
    return kib[(trial >= SETTLED) & (trial < SETTLED + 50)], kib[trial >= trial.max() - 50]
