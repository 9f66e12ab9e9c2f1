"""What a sweep costs beside measuring: seconds per trial outside warm-up and windows, and where they go.

    python -m benchmarks.sweep_overhead --model DIR --data-dir DIR --output DIR
    python -m benchmarks.sweep_overhead --preset demo --output DIR
    python -m benchmarks.sweep_overhead --read RUN            # of a run that exists

A sweep with short windows (what lies between them does not depend on their length) runs twice: as always, one process
per GPU for all trials, and then a few of the same trials with a fresh process for each. A trial's overhead is the time
from its start to the next trial's, less its warm-up and windows: setting up the model and batches, the pass that gives
the accuracy, the last counter tick, Tune and Ray. Trials that measured the anchor or a matmul reference before they
started are left out of the median (they are one in sixteen) and in the mean.

Bar: median at most 0.5 s on a GPU.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.cli import run_command

if TYPE_CHECKING:
    import pandas as pd

    from search_spaces.sweep_config import SweepConfig

BAR_S = 0.5
PARTS = {
    "setup_s": "model cut and cast, batches staged, accuracy pass",
    "backend_setup_s": "of which compile and capture",
    "after_s": "last counter tick, row, before or after the set-up",
    "between_s": "Tune and Ray, from a row to the next trial",
}


def overheads(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Per trial that another followed on its worker: overhead_s and its parts (s)."""
    import pandas as pd

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


def fresh_overheads(rows: "pd.DataFrame") -> np.ndarray:
    """The same where every trial had a process of its own, one after the other (s)."""
    trials = rows.sort_values("started_at")
    gap = trials["started_at"].diff().shift(-1)  # the next process starts within it
    return (gap - trials["warmup_s"] - trials["total_s"]).dropna().to_numpy()


def summary(table: "pd.DataFrame") -> dict[str, Any]:
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


def _config(arguments: argparse.Namespace) -> "SweepConfig":
    from search_spaces.presets import preset

    config = preset(arguments.preset)
    if arguments.preset == "demo":
        return config
    return replace(
        config,
        model=arguments.model or config.model,
        data_dir=arguments.data_dir,
        random_weights=True,
        axes=replace(
            config.axes, max_seq_len=(16, 32, 64, 128), depth=arguments.depth, backend=("eager", "cuda_graph")
        ),
        measuring=replace(
            config.measuring, warmup_s=0.2, min_window_s=0.1, min_windows=3, min_total_s=0.4, max_measure_s=0.4
        ),
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="sst2")
    parser.add_argument("--model", help="hub id or folder (random weights of its shape)")
    parser.add_argument("--data-dir")
    parser.add_argument("--depth", type=int, nargs="+", default=(2, 4, 6), help="layers kept")
    parser.add_argument("--fresh", type=int, default=3, help="trials with a process of their own")
    parser.add_argument("--read", type=Path, help="a run folder to read instead of running one")
    parser.add_argument("--output", type=Path, help="folder for the runs and sweep_overhead.json")
    arguments = parser.parse_args(argv)

    from analysis.rows.load import load
    from benchmarks.common import Bar, table

    payload: dict[str, Any] = {}
    if arguments.read:
        rows = load(arguments.read)
    else:
        rows, payload["fresh_s"] = _run(_config(arguments), arguments)
    ok = rows[rows["status"] == "ok"]
    payload = summary(overheads(ok)) | payload | {"failed": len(rows) - len(ok)}
    print(
        table(
            ("backend", "trials", "overhead s", *PARTS),
            [(name, m["trials"], m["overhead_s"], *(m[k] for k in PARTS)) for name, m in payload["by_backend"].items()],
        )
    )
    for name, meaning in PARTS.items():
        print(f"  {name}: {meaning}")
    print(f"all: median {payload['median_s']:.3f} s, 90 % below {payload['p90_s']:.3f} s", end="; ")
    print(f"mean with anchors and references {payload['mean_with_anchors_s']:.3f} s")
    if fresh := payload.get("fresh_s"):
        print(f"a fresh process for each trial: {', '.join(f'{s:.1f}' for s in fresh)} s")
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        (arguments.output / "sweep_overhead.json").write_text(json.dumps(payload, indent=1) + "\n")
    bar = Bar("median overhead of a trial (s)", payload["median_s"], BAR_S)
    print(bar)
    return 0 if bar.met else 1


def _run(config: "SweepConfig", arguments: argparse.Namespace) -> tuple["pd.DataFrame", list[float]]:
    """The rows of the sweep, and the overheads of a few fresh processes."""
    from tempfile import mkdtemp

    from tuner import sweep

    folder = arguments.output or Path(mkdtemp())
    rows = sweep.run(config, folder / "reused", overwrite=True).rows
    if not arguments.fresh:
        return rows, []
    few = replace(
        config, axes=replace(config.axes, depth=config.axes.depth and config.axes.depth[-1:], precision=("fp32",))
    )
    lengths = few.axes.max_seq_len[: arguments.fresh + 1]
    few = replace(few, axes=replace(few.axes, max_seq_len=lengths, backend=("eager",)))
    sweep.Sweep.reuse_actors = False
    try:
        fresh = sweep.run(few, folder / "fresh", overwrite=True).rows
    finally:
        sweep.Sweep.reuse_actors = True
    return rows, fresh_overheads(fresh).tolist()


if __name__ == "__main__":
    run_command(main)
