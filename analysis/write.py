"""The tables a run folder keeps: results.csv, results.parquet, windows.parquet, pareto.csv,
energy_model.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.energy_model import EnergyModel, save
from analysis.load import load_anchors, load_finetune, load_windows

PARETO_PAIRS = (
    ("accuracy", "energy_j_per_example"),
    ("accuracy", "latency_ms_per_example"),
    ("energy_j_per_example", "latency_ms_per_example"),
)


def write_tables(
    run_dir: str | Path,
    rows: pd.DataFrame,
    pareto: pd.DataFrame | Sequence[pd.DataFrame] | None = None,
    model: EnergyModel | None = None,
    source: str | Path | None = None,
) -> list[Path]:
    """Write what there is into `run_dir` and return the files.

    `rows`: of `analysis.load`. `pareto`: of `pareto_table`. `source`: the run folder the windows and
    fine-tunings are read from (default: run_dir); files of a run without them are not written.
    """
    folder = Path(run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    origin = Path(source) if source else folder
    written = []

    def file(name: str) -> Path:
        written.append(folder / name)
        return folder / name

    rows.to_csv(file("results.csv"), index=False)
    plain = rows.copy()
    plain.attrs = {}
    plain.to_parquet(file("results.parquet"), index=False)
    if (origin / "ray").is_dir():
        windows = load_windows(origin)
        if len(windows):
            windows.to_parquet(file("windows.parquet"), index=False)
        for name, table in (("finetune.csv", load_finetune(origin)), ("anchors.csv", load_anchors(origin))):
            if len(table):
                table.to_csv(file(name), index=False)
    if pareto is not None:
        tables = [pareto] if isinstance(pareto, pd.DataFrame) else list(pareto)
        if tables:
            pd.concat(tables, ignore_index=True).to_csv(file("pareto.csv"), index=False)
    if model is not None:
        save(model, file("energy_model.json"))
    return written


def pareto_table(front: pd.DataFrame, objectives: Sequence[str]) -> pd.DataFrame:
    """The part of a `pareto_set` that pareto.csv keeps: which trials, which objectives, on the front or why
    not."""
    names = [
        "trial_ids" if "trial_ids" in front else "trial_id",
        *[c for c in ("configuration", "n_trials") if c in front],
        *objectives,
        *[f"{o}_ci95" for o in objectives if f"{o}_ci95" in front],
        "front",
        "not_compared",
        *[c for c in ("front_probability", "indistinguishable") if c in front],
    ]
    out = front[names].copy()
    out.insert(0, "objectives", ";".join(objectives))
    return out
