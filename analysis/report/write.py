"""The tables a run folder keeps: results.csv, results.parquet, windows.parquet, finetune.csv, anchors.csv,
pareto.csv, energy_model.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.files import replacing
from analysis.findings.energy_model.model import EnergyModel
from analysis.report.energy_model_json import save
from analysis.rows.load import load_anchors, load_finetune
from analysis.rows.windows import load_windows
from trainables.rows.columns import COLUMNS

PARETO_PAIRS = (
    ("accuracy", "energy_j_per_example"),
    ("accuracy", "latency_ms_per_example"),
    ("energy_j_per_example", "latency_ms_per_example"),
)


def write_tables(
    run_dir: str | Path,
    rows: pd.DataFrame,
    pareto: pd.DataFrame | Sequence[pd.DataFrame] | None = None,
    models: EnergyModel | Sequence[EnergyModel] | None = None,
    sources: Sequence[str | Path] | None = None,
) -> list[Path]:
    """Write what there is into `run_dir` and return the files. Each replaces its older self at once.

    `rows`: of `analysis.rows.load`, as measured. `pareto`: of `pareto_table`. `models`: one per group of
    comparable rows, all in one energy_model.json. `sources`: the run folders that windows, fine-tunings and
    anchors are read from (default: run_dir).
    """
    folder = Path(run_dir)
    origins = [Path(p) for p in sources or [run_dir]]
    empty = [name for name, column in COLUMNS.items() if column.rare and name in rows and rows[name].isna().all()]
    rows = rows.drop(columns=empty)
    tables = {"results.csv": rows, "results.parquet": rows}
    if any((p / "ray").is_dir() for p in origins):
        tables |= {
            "windows.parquet": load_windows(*origins),
            "finetune.csv": load_finetune(*origins),
            "anchors.csv": load_anchors(*origins),
        }
    fronts = [] if pareto is None else [pareto] if isinstance(pareto, pd.DataFrame) else list(pareto)
    if fronts:
        tables["pareto.csv"] = pd.concat(fronts, ignore_index=True)
    written = []
    for name, table in tables.items():
        if len(table):
            _write(table, folder / name)
            written.append(folder / name)
    if models is not None:
        save([models] if isinstance(models, EnergyModel) else list(models), folder / "energy_model.json")
        written.append(folder / "energy_model.json")
    return written


def _write(table: pd.DataFrame, file: Path) -> None:
    plain = table.copy(deep=False)
    plain.attrs = {}  # Parquet would keep them, paths of this machine included
    with replacing(file) as temporary:
        if file.suffix == ".parquet":
            with temporary.open("wb") as handle:  # pyarrow takes no path that is not UTF-8
                plain.to_parquet(handle, index=False, write_page_checksum=True)
        else:
            plain.to_csv(temporary, index=False)


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
