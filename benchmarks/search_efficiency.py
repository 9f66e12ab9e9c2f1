"""How many trials, and how many GPU-seconds, does the search need for the frontier of a grid?

    python -m benchmarks.search_efficiency docs/results/GRID [--seeds 20] [--output DIR]

Recorded grids are replayed: the search (the same FrontierSearch, samplers, pruning rule and stopping rules as in
`python -m tuner.search`, without Ray) suggests a configuration and is given its recorded row. A trial costs its
recorded seconds. A pruned one costs its set-up, half of its warm-up and its first window, and its bounds come from
that window (windows.parquet; without it, from the whole row).

Reached is 99 % of the full grid's hypervolume in accuracy and log10 J/example, up to one reference point: the worst
accuracy and the highest energy among the grid's rows. "best subset" is the fewest trials that could have done it,
found exactly by dynamic programming over the frontier: no search can know it beforehand.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.common import Bar, table
from search_spaces.axes import AXES
from search_spaces.goal import ENERGY_BOUND, LATENCY_BOUND, Goal, Scores
from search_spaces.prune import MARGIN, PruneRule
from search_spaces.search_config import SAMPLER_NAMES, SearchConfig
from search_spaces.search_space import Point, SearchSpace
from search_spaces.trial_config import TrialConfig
from tuner.cli import run_command

SHARE = 0.99  # of the full grid's hypervolume
TAIL_S = 0.26  # load after a window until its ticks were seen (2.5 ticks and a poll)
MAX_TRIALS_SHARE, MAX_SECONDS_SHARE = 0.25, 0.20  # the bars


@dataclass(frozen=True)
class Grid:
    """A recorded grid: rows by point, what a probe of each would have shown, and the target."""

    name: str
    space: SearchSpace
    goal: Goal
    rows: Mapping[Point, Mapping[str, Any]]
    probes: Mapping[Point, Mapping[str, Any]]
    reference: Scores

    @property
    def seconds(self) -> float:
        return float(sum(row["trial_s"] for row in self.rows.values()))

    def scores(self) -> list[Scores]:
        values = [self.goal.values(row) for row in self.rows.values()]
        return [self.goal.scores(v) for v in values if v is not None]

    def volume(self, scores: Sequence[Scores]) -> float:
        from tuner.search.history import hypervolume

        return hypervolume(list(scores), self.reference)


def read_grid(path: Path, goal: Goal | None = None) -> Grid:
    """A run folder or table with a full grid of one task, model and seed."""
    from analysis.findings.configurations import valid
    from analysis.rows.load import load, load_windows

    goal = goal or Goal()
    rows, left_out = valid(load(path))
    if len(left_out):
        print(f"{path}: {len(left_out)} rows left out, such as {left_out['reason'].iloc[0]}")
    rows = rows[rows["accuracy"].notna() & (rows["task"] == rows["task"].mode().iloc[0])]
    if "sweep" in rows:  # the published tables: only this sweep is a product of its axes
        rows = rows[rows["sweep"] == "precision_x_seq_len"]
    rows = rows.assign(
        batch_size=rows["batch_size"].fillna(64).astype(int),
        padding=rows["padding"].fillna("max_length"),
        backend=rows["backend"].fillna("eager"),
        trial_s=rows["trial_s"].fillna(1.0),
    )
    if rows["replicate"].notna().any():
        rows = rows[rows["replicate"] == 0]
    first = rows.iloc[0]
    rows = rows[rows["seed"].isna() | (rows["seed"] == first["seed"])]
    axes = SearchSpace.axes
    values = tuple(
        tuple(sorted(rows[a].unique().tolist())) if AXES[a].ordered else tuple(rows[a].unique()) for a in axes
    )
    seed = 42 if pd.isna(first["seed"]) else int(first["seed"])
    model = first["model"] if isinstance(first["model"], str) else "model"
    device = "cpu" if first["energy_source"] == "estimate" else "cuda"
    space = SearchSpace(str(first["task"]), model, seed, values, device)
    by_point = {tuple(row[a] for a in axes): row for row in rows.to_dict("records")}
    try:
        windows = load_windows(path) if path.is_dir() else pd.DataFrame()
    except Exception as error:
        print(f"{path}: no windows ({error})")
        windows = pd.DataFrame()
    firsts = windows[windows["window"] == 0].set_index("trial_id") if len(windows) else windows
    probes = {point: probe_of(row, firsts) for point, row in by_point.items()}
    scores = [goal.scores(v) for row in by_point.values() if (v := goal.values(row)) is not None]
    reference = tuple(float(x) for x in np.max(np.array(scores), axis=0))
    return Grid(path.name, space, goal, by_point, probes, reference)


def probe_of(row: Mapping[str, Any], firsts: pd.DataFrame) -> dict[str, Any]:
    """The pruned row this trial would have been: bounds from its first window, and its shorter time."""
    energy, latency, window_s = row["energy_j_per_example"], row["latency_ms_per_example"], row["window_s"]
    if row["trial_id"] in firsts.index:
        window = firsts.loc[row["trial_id"]]
        examples = window["passes"] * row["examples_per_pass"]
        energy, latency = window["energy_j"] / examples, 1e3 * window["duration_s"] / examples
        window_s = window["duration_s"]
    probe = dict(row) | {"status": "pruned", ENERGY_BOUND: energy * (1 - MARGIN), LATENCY_BOUND: latency * (1 - MARGIN)}
    spared = row["warmup_s"] / 2 + row["total_s"] - window_s
    return probe | {"trial_s": row["trial_s"] - spared if np.isfinite(spared) else row["trial_s"]}


@dataclass
class Replay:
    """One search: what reaching the target cost (None: never reached), and where the default rules stopped."""

    sampler: str
    seed: int
    trials: int | None = None
    seconds: float | None = None
    stop_trials: int | None = None
    stop_seconds: float | None = None
    stop_share: float | None = None
    pruned: int = 0
    ask_s: float = 0.0
    shares: list[float] = field(default_factory=list)  # of the full hypervolume after each trial


def replay(grid: Grid, sampler: str, seed: int, prune: bool = True, target: float | None = None) -> Replay:
    """Search the recorded grid until the target is reached and the default stopping rules have spoken."""
    from tuner.search.history import History, Stopping
    from tuner.search.samplers import make_sampler
    from tuner.search.searcher import FrontierSearch

    full = grid.volume(grid.scores()) if target is None else target
    history = History(grid.goal)
    rule = Stopping(patience=SearchConfig().patience)
    search = FrontierSearch(
        grid.space, grid.goal, make_sampler(sampler, grid.space, seed), history, Stopping(), prune=prune
    )
    search.enqueue_start_points()
    out = Replay(sampler, seed)
    while out.trials is None or out.stop_trials is None:
        begin = time.perf_counter()
        suggestion = search.suggest(str(search.started))
        out.ask_s += time.perf_counter() - begin
        if not isinstance(suggestion, dict):
            break
        name = str(search.started - 1)
        search.on_trial_complete(name, answer(grid, suggestion["job"]))
        counting = [s.scores for s in history.steps if s.counts and s.scores is not None]
        out.shares.append(grid.volume(counting) / full)
        if out.trials is None and out.shares[-1] >= SHARE:
            out.trials, out.seconds = search.started, history.device_s
        if out.stop_trials is None and rule.reason(history, search.started, 0.0):
            out.stop_trials, out.stop_seconds = search.started, history.device_s
            out.stop_share = out.shares[-1]
    out.pruned = sum(s.status == "pruned" for s in history.steps)
    return out


def answer(grid: Grid, job: dict[str, Any]) -> dict[str, Any]:
    """The recorded row of a job, cut short where the trial itself would have pruned it."""
    trial = TrialConfig.from_dict(job)
    point = tuple(getattr(trial, axis) for axis in grid.space.axes)
    if point not in grid.rows:
        return {"status": "failed", "error": "not in the recorded grid", "trial_s": 0.0}
    if "prune" in job and PruneRule.from_dict(job["prune"]).verdict(grid.probes[point]):
        return dict(grid.probes[point])
    return dict(grid.rows[point])


def best_subset(scores: Sequence[Scores], reference: Scores, target: float) -> list[int]:
    """The fewest of the points (two objectives, minimised) whose hypervolume reaches the target: indices.

    Dynamic programming over the frontier in the order of the first objective: of all chains of k points that
    end in a point, the largest volume (Bringmann, Friedrich and Klitzke 2014 do it faster).
    """
    from analysis.findings.pareto import nondominated

    points = np.array(scores)
    front = [i for i in np.flatnonzero(nondominated(points)) if (points[i] < np.array(reference)).all()]
    front.sort(key=lambda i: tuple(points[i]))
    best: dict[int, tuple[float, list[int]]] = {}
    for i in front:
        best[i] = ((reference[0] - points[i][0]) * (reference[1] - points[i][1]), [i])
    while best:
        volume, chain = max(best.values(), key=lambda pair: pair[0])
        if volume >= target * (1 - 1e-12):
            return chain
        longer: dict[int, tuple[float, list[int]]] = {}
        for place, i in enumerate(front):
            # Appending i (larger first, smaller second objective) adds the strip below the chain's last point.
            options = [
                (v + (reference[0] - points[i][0]) * (points[j][1] - points[i][1]), [*c, i])
                for j in front[:place]
                if j in best
                for v, c in [best[j]]
            ]
            if options:
                longer[i] = max(options, key=lambda pair: pair[0])
        best = longer
    return []


def run(grid: Grid, samplers: Sequence[str], seeds: int, prune: bool = True) -> dict[str, list[Replay]]:
    """Every sampler with every seed."""
    full = grid.volume(grid.scores())
    return {name: [replay(grid, name, seed, prune, full) for seed in range(seeds)] for name in samplers}


def summarise(replays: Sequence[Replay], grid: Grid) -> dict[str, Any]:
    """Median and worst over seeds; a search that never reached the target counts as the whole grid."""
    n, seconds = len(grid.rows), grid.seconds
    trials = np.array([n if r.trials is None else r.trials for r in replays])
    spent = np.array([seconds if r.seconds is None else r.seconds for r in replays])
    stops = np.array([r.stop_trials or n for r in replays])
    shares = np.array([r.stop_share if r.stop_share is not None else 1.0 for r in replays])
    return {
        "trials_median": float(np.median(trials)),
        "trials_worst": int(trials.max()),
        "seconds_median": float(np.median(spent)),
        "seconds_worst": float(spent.max()),
        "stop_trials_median": float(np.median(stops)),
        "stop_share_median": float(np.median(shares)),
        "stop_share_worst": float(shares.min()),
        "ask_s_per_trial": float(sum(r.ask_s for r in replays) / max(1, sum(len(r.shares) for r in replays))),
    }


def report(grid: Grid, found: Mapping[str, list[Replay]]) -> tuple[str, list[Bar], dict[str, Any]]:
    """The table, the bars of the default sampler, and the numbers."""
    n, seconds = len(grid.rows), grid.seconds
    scores = grid.scores()
    chain = best_subset(scores, grid.reference, SHARE * grid.volume(scores))
    rows_in_order = list(grid.rows.values())
    chain_s = float(sum(rows_in_order[i]["trial_s"] for i in chain))
    sums = {name: summarise(replays, grid) for name, replays in found.items()}
    header = [
        f"{grid.name} ({n} trials, {seconds:.0f} s)",
        "trials: median", "worst", "GPU-s: median", "worst", "share", "stops at", "with", "worst", "s/ask",
    ]  # fmt: skip
    lines: list[list[Any]] = [
        [
            name,
            s["trials_median"],
            s["trials_worst"],
            s["seconds_median"],
            s["seconds_worst"],
            s["seconds_median"] / seconds,
            s["stop_trials_median"],
            s["stop_share_median"],
            s["stop_share_worst"],
            s["ask_s_per_trial"],
        ]
        for name, s in sums.items()
    ]
    lines.append(["best subset", len(chain), None, chain_s, None, chain_s / seconds, None, None, None, None])
    bars = []
    default = SearchConfig().sampler
    if default in sums:
        mine = sums[default]
        bars = [
            Bar(f"{grid.name}: {default}, trials over the grid's", mine["trials_median"] / n, MAX_TRIALS_SHARE),
            Bar(f"{grid.name}: {default}, GPU-s over the grid's", mine["seconds_median"] / seconds, MAX_SECONDS_SHARE),
        ]
        if "random" in sums:
            over = mine["trials_median"] / sums["random"]["trials_median"]
            bars.append(Bar(f"{grid.name}: {default}, trials over random's", over, 1.0))
    payload = {
        "grid": grid.name,
        "trials": n,
        "seconds": seconds,
        "reference": list(grid.reference),
        "best_subset": {"trials": len(chain), "seconds": chain_s},
        "samplers": sums,
        "replays": {name: [asdict(r) for r in replays] for name, replays in found.items()},
    }
    return table(header, lines), bars, payload


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grids", nargs="+", type=Path, help="run folders or tables with a full grid")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--samplers", nargs="+", default=list(SAMPLER_NAMES), choices=SAMPLER_NAMES)
    parser.add_argument("--no-prune", action="store_true", help="measure every trial in full")
    parser.add_argument("--output", type=Path, help="folder for search_efficiency.json")
    arguments = parser.parse_args(argv)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    bars, payloads = [], []
    for path in arguments.grids:
        grid = read_grid(path)
        text, own, payload = report(grid, run(grid, arguments.samplers, arguments.seeds, not arguments.no_prune))
        print(text, flush=True)
        bars += own
        payloads.append(payload)
    for bar in bars:
        print(bar)
    if arguments.output is not None:
        arguments.output.mkdir(parents=True, exist_ok=True)
        content = {"bars": [asdict(b) | {"met": b.met} for b in bars], "grids": payloads}
        (arguments.output / "search_efficiency.json").write_text(json.dumps(content, indent=1) + "\n")
    return 0 if all(bar.met for bar in bars) else 1


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
