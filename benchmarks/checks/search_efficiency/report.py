"""What the replays of one grid say: a table, the bars of the default sampler, and the numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.checks.search_efficiency.recorded_grid import Grid
from benchmarks.checks.search_efficiency.replay import Replay
from benchmarks.lib.bars import Bar
from benchmarks.lib.output import table
from search_spaces.search_config import SearchConfig

MAX_TRIALS_SHARE, MAX_SECONDS_SHARE = 0.25, 0.20  # of the grid's
COLUMNS = (
    ("trials: median", "trials_median"),
    ("mean", "trials_mean"),
    ("worst", "trials_worst"),
    ("GPU-s: median", "seconds_median"),
    ("worst", "seconds_worst"),
    ("share", "seconds_share"),
    ("stops at", "stop_trials_median"),
    ("regret", "stop_regret_median"),
    ("worst", "stop_regret_worst"),
    ("s/ask", "ask_s_per_trial"),
)


def report(grid: Grid, found: Mapping[str, list[Replay]]) -> tuple[str, list[Bar], dict[str, Any]]:
    """The table, the bars of the default sampler, and the numbers."""
    n, seconds = len(grid.rows), grid.seconds
    sums = {name: summarise(replays, grid) for name, replays in found.items()}
    header = [
        f"{grid.name} ({n} trials, {len(grid.space.start_points)} to start, {seconds:.0f} s)",
        *(title for title, _ in COLUMNS),
    ]
    lines: list[list[Any]] = [[name, *(s[key] for _, key in COLUMNS)] for name, s in sums.items()]
    bars = []
    default = SearchConfig().sampler
    if default in sums:
        mine = sums[default]
        bars = [
            Bar(f"{grid.name}: {default}, trials over the grid's", mine["trials_median"] / n, MAX_TRIALS_SHARE),
            Bar(f"{grid.name}: {default}, GPU-s over the grid's", mine["seconds_share"], MAX_SECONDS_SHARE),
        ]
        if "random" in sums:
            over = mine["trials_median"] / sums["random"]["trials_median"]
            bars.append(Bar(f"{grid.name}: {default}, trials over random's", over, 1.0))
    payload = {
        "grid": grid.name,
        "trials": n,
        "seconds": seconds,
        "start_points": len(grid.space.start_points),
        "answers": dict(grid.answers),
        "samplers": sums,
        "replays": {name: [asdict(r) for r in replays] for name, replays in found.items()},
    }
    return table(header, lines), bars, payload


def summarise(replays: Sequence[Replay], grid: Grid) -> dict[str, Any]:
    """Median, mean and worst over seeds; a search that never found the answer counts as the whole grid."""
    n, seconds = len(grid.rows), grid.seconds
    trials = np.array([n if r.trials is None else r.trials for r in replays])
    spent = np.array([seconds if r.seconds is None else r.seconds for r in replays])
    stops = np.array([r.stop_trials or n for r in replays])
    # One that the rules did not stop tried everything.
    regrets = np.array([r.regrets[-1] if r.stop_regret is None else r.stop_regret for r in replays])
    return {
        "trials_median": float(np.median(trials)),
        "trials_mean": float(trials.mean()),
        "trials_worst": int(trials.max()),
        "seconds_median": float(np.median(spent)),
        "seconds_worst": float(spent.max()),
        "seconds_share": float(np.median(spent)) / seconds,
        "stop_trials_median": float(np.median(stops)),
        "stop_regret_median": float(np.median(regrets)),
        "stop_regret_worst": float(regrets.max()),
        "ask_s_per_trial": float(sum(r.ask_s for r in replays) / max(1, sum(len(r.regrets) for r in replays))),
    }
