"""The times between windows, from the rows of a sweep."""

from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd

import analysis
from benchmarks.checks.sweep_overhead import Arguments
from benchmarks.lib.bars import Bar, judge, records
from benchmarks.lib.output import table, write_json
from search_spaces.presets import preset
from search_spaces.sweep_config import SweepConfig
from tuner import sweep
from tuner.driver import Driver

BAR_S = 0.5
LENGTHS, BACKENDS = (16, 32, 64, 128), ("eager", "cuda_graph")
SHORT: dict[str, Any] = {
    "warmup_s": 0.2,
    "min_window_s": 0.1,
    "min_windows": 3,
    "min_total_s": 0.4,
    "max_measure_s": 0.4,
}
PARTS = {
    "setup_s": "model cut and cast, batches staged, accuracy pass",
    "backend_setup_s": "of which compile and capture",
    "after_s": "last counter tick, row, before or after the set-up",
    "between_s": "Tune and Ray, from a row to the next trial",
}


def overheads(rows: pd.DataFrame) -> pd.DataFrame:
    """Per trial that another followed on its worker: overhead_s and its parts (s)."""
    parts = []
    for _, trials in rows.sort_values("started_at").groupby("worker"):
        gap = trials["started_at"].shift(-1) - trials["started_at"]
        measuring = trials["warmup_s"] + trials["total_s"]
        parts.append(
            pd.DataFrame(
                {
                    "backend": trials["backend"],
                    "overhead_s": gap - measuring,
                    "setup_s": trials["setup_s"],
                    "backend_setup_s": trials["backend_setup_s"],
                    "after_s": trials["trial_s"] - trials["setup_s"] - measuring,
                    "between_s": gap - trials["trial_s"],
                }
            ).dropna(subset=["overhead_s"])
        )
    return pd.concat(parts, ignore_index=True)


def fresh_overheads(rows: pd.DataFrame) -> np.ndarray:
    """The same where every trial had a process of its own, one after the other (s)."""
    trials = rows.sort_values("started_at")
    gap = trials["started_at"].diff().shift(-1)  # the next process starts within it
    return (gap - trials["warmup_s"] - trials["total_s"]).dropna().to_numpy()


def summary(table: pd.DataFrame) -> dict[str, Any]:
    """Medians over trials, by backend and together; `usual` leaves out those that measured an anchor."""
    usual = table[table["after_s"] < table["after_s"].median() + 1.0]
    medians = {
        str(name): {k: float(group[k].median()) for k in ("overhead_s", *PARTS)} | {"trials": len(group)}
        for name, group in usual.groupby("backend")
    }
    return {
        "trials": len(table),
        "median_s": float(usual["overhead_s"].median()),
        "p90_s": float(usual["overhead_s"].quantile(0.9)),
        "mean_with_anchors_s": float(table["overhead_s"].mean()),
        "by_backend": medians,
    }


def run(arguments: Arguments) -> int:
    """Sweep or read, then say where the time went and judge the bar."""
    fresh_s: list[float] | None = None
    if arguments.read:
        rows = analysis.load(arguments.read)
    else:
        rows, fresh_s = sweep_twice(_config(arguments), arguments)
    ok = rows[rows["status"] == "ok"]
    found = summary(overheads(ok)) | {"failed": len(rows) - len(ok)}
    if fresh_s is not None:
        found["fresh_s"] = fresh_s
    _print(found)
    bars = [Bar("median overhead of a trial (s)", found["median_s"], BAR_S)]
    write_json(arguments.output, "sweep_overhead", found | {"bars": records(bars)})
    return judge(bars)


def _print(found: dict[str, Any]) -> None:
    medians = found["by_backend"].items()
    rows = [(name, m["trials"], m["overhead_s"], *(m[k] for k in PARTS)) for name, m in medians]
    print(table(("backend", "trials", "overhead s", *PARTS), rows))
    for name, meaning in PARTS.items():
        print(f"  {name}: {meaning}")
    print(f"all: median {found['median_s']:.3f} s, 90 % below {found['p90_s']:.3f} s", end="; ")
    print(f"mean with anchors and references {found['mean_with_anchors_s']:.3f} s")
    if found.get("fresh_s"):
        print(f"a fresh process for each trial: {', '.join(f'{s:.1f}' for s in found['fresh_s'])} s")


def _config(arguments: Arguments) -> SweepConfig:
    config = preset(arguments.preset)
    if arguments.preset == "demo":
        return config
    return replace(
        config,
        model=(arguments.model,) if arguments.model else config.model,
        data_dir=arguments.data_dir,
        random_weights=True,
        axes=replace(config.axes, max_seq_len=LENGTHS, depth=arguments.depth, backend=BACKENDS),
        measuring=replace(config.measuring, **SHORT),
    )


def sweep_twice(config: SweepConfig, arguments: Arguments) -> tuple[pd.DataFrame, list[float]]:
    """The rows of the sweep, and the overheads of a few fresh processes."""
    folder = arguments.output or Path(mkdtemp())
    rows = sweep.run(config, folder / "reused", overwrite=True, confirm=False).rows
    if not arguments.fresh:
        return rows, []
    few = replace(
        config, axes=replace(config.axes, depth=config.axes.depth and config.axes.depth[-1:], precision=("fp32",))
    )
    lengths = few.axes.max_seq_len[: arguments.fresh + 1]
    few = replace(few, axes=replace(few.axes, max_seq_len=lengths, backend=("eager",)))
    Driver.reuse_actors = False
    try:
        fresh = sweep.run(few, folder / "fresh", overwrite=True, confirm=False).rows
    finally:
        Driver.reuse_actors = True
    return rows, fresh_overheads(fresh).tolist()
