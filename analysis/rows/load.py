"""Run folders, Ray experiments and plain tables in; one DataFrame of measuring trials out.

Ray's experiment state embeds pickles, which run code when read: what is not yours is read within `analysis.untrusted()`
(`--untrusted`), from JSON and CSV alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.rows.digests import complete_run, undigested
from analysis.rows.ray_folder import RAY_KEYS, number_in, read_run
from analysis.rows.repeated import without_repeats
from analysis.rows.table_file import NAMED, load_kept, load_table, numbers_of, read_table
from analysis.rows.trust import trusted
from analysis.rows.types import DERIVED_COLUMNS, LATENCY_CI, latency_ci, set_types
from search_spaces.errors import UsageError
from trainables.rows.check import is_null, is_number, is_text
from trainables.rows.columns import ANCHOR, COLUMNS, WINDOW_TABLE
from trainables.rows.finished import last_results
from trainables.rows.folder import (
    ENVIRONMENT_FILE,
    FINETUNE,
    MEASURE,
    check_folder,
    experiments,
    readable,
    trial_folders,
)

_ANCHOR_FROM_ROW = ("model", "gpu_name", "started_at", "gpu_uuid", "worker")


def load(*paths: str | Path, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """One row per measuring trial of every path: run folders, or CSV/Parquet files of rows.

    Columns are those of `trainables.rows.columns.COLUMNS` (with their units), then `latency_ms_per_example_ci95`
    and `run` (the folder's name), then whatever else a table holds. Nulls are NaN; `flags` and `error` are
    empty strings. A measurement that is given twice counts once. `columns` renames a table's columns:
    {"its name": "ours"}. `rows.attrs` hold notes (what was repaired or odd) and folders (path of each run).

    Raises UsageError when a path is not a run folder, holds no finished trial, or lacks a column.
    """

    if not paths:
        raise UsageError("at least one run folder or table must be given; give a path such as runs/demo")
    frames, notes, named = [], [], []
    names = run_names([Path(p) for p in paths])
    for path, name in zip(map(Path, paths), names, strict=True):
        frame, remarks = _load_one(path, columns)
        frame["run"] = name
        frames.append(frame)
        named += [frame.attrs.pop(NAMED, True)] * len(frame)
        notes += [f"{name}: {remark}" for remark in [*remarks, undigested(frame)] if remark]
    rows = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    first = [*COLUMNS, *DERIVED_COLUMNS]
    rows = rows[first + [c for c in rows.columns if c not in first]]
    rows, repeats = without_repeats(rows, named)
    rows.attrs["notes"] = notes + repeats
    rows.attrs["folders"] = dict(zip(names, map(str, paths), strict=True))
    return rows


def _load_one(path: Path, columns: Mapping[str, str] | None) -> tuple[pd.DataFrame, list[str]]:
    if path.is_file():
        return load_table(path, columns)
    if not path.is_dir():
        raise UsageError(f"a run must be a folder or a .csv or .parquet file, but there is no {path}; check the path")
    if experiments(path, MEASURE):
        return _load_run(path)
    # A folder kept for the record, without Ray's files.
    kept = [path / name for name in ("results.parquet", "results.csv") if (path / name).is_file()]
    if not trusted():
        kept = [file for file in kept if file.suffix == ".csv"]
    if kept:
        return load_kept(kept, columns)
    raise UsageError(
        f"a run folder must hold ray/measure-0 (written by tuner.grid or tuner.search) or results.csv, "
        f"but {path} holds neither; give the folder that was --output-dir"
    )


def _load_run(path: Path) -> tuple[pd.DataFrame, list[str]]:

    found = read_run(path)
    if not found.results:
        raise UsageError(
            f"a run must hold at least one finished trial, but none of the {found.trials} trials in {path} "
            f"has a result; let it run on with: python -m tuner.grid --resume {path}"
        )
    rows = []
    for trial_id, result in found.results.items():
        row = {name: result.get(name) for name in COLUMNS} | {"trial_id": trial_id}
        row[LATENCY_CI] = latency_ci(result.get(WINDOW_TABLE), result.get("examples_per_pass"))
        rows.append(row)
    rows.sort(key=lambda row: (row["started_at"] is None, row["started_at"] or 0.0))
    waiting = [f"{found.unfinished} trials were started and have no result yet"] if found.unfinished else []
    table = set_types(pd.DataFrame(rows))
    complete_run(table)
    return table, found.notes + waiting


def load_environment(path: str | Path) -> dict[str, Any]:
    """environment.json of a run folder, {} where there is none."""
    file = Path(path) / ENVIRONMENT_FILE
    if not file.is_file():
        return {}
    check_folder(Path(path))
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} must hold JSON, but {error}; restore or delete it") from error
    return found if isinstance(found, dict) else {}


def load_anchors(*paths: str | Path) -> pd.DataFrame:
    """Measurements of the fixed anchor load, by time: what the drift of a card and the difference between cards show up
    in. May be empty.

    Columns: trial_id (the trial that it preceded), model, gpu_name, started_at (UNIX s), gpu_uuid, worker,
    energy_j_per_example, mean_power_w, temperature_c; of several runs also `run`. Read from the trials'
    results, or from the anchors.csv of a folder kept without them.
    """
    return joined(paths, _anchors)


def _anchors(path: Path) -> pd.DataFrame:

    found = [
        {"trial_id": trial_id} | {k: r.get(k) for k in _ANCHOR_FROM_ROW} | r[ANCHOR]
        for trial_id, r in (read_run(path).results.items() if experiments(path, MEASURE) else ())
        if isinstance(r.get(ANCHOR), dict)
    ]
    if not found:
        kept = path / "anchors.csv"
        return numbers_of(read_table(kept), kept.name) if kept.is_file() else pd.DataFrame()
    return pd.DataFrame(found).sort_values("started_at", ignore_index=True)


def load_finetune(*paths: str | Path) -> pd.DataFrame:
    """The last result of each fine-tuning trial (task, model, seed, epoch, accuracy, energy_j, ...); of several runs
    also `run`. May be empty."""
    return joined(paths, _finetune)


def _finetune(path: Path) -> pd.DataFrame:

    kept = path / "finetune.csv"
    trials = [trial for experiment in experiments(path, FINETUNE) for trial in trial_folders(experiment)]
    last = [result for trial in trials if (result := next(last_results(trial), None)) is not None]
    if not last:
        return numbers_of(read_table(kept), kept.name) if kept.is_file() else pd.DataFrame()
    newest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for result in sorted(last, key=lambda r: (number_in(r, "epoch"), number_in(r, "timestamp"))):
        key = tuple(str(result.get(k)) for k in ("task", "model", "seed"))
        newest[key] = {
            k: v
            for k, v in result.items()
            if k not in RAY_KEYS and (is_text(v) or isinstance(v, bool) or is_null(v) or is_number(v))
        }
    return pd.DataFrame(list(newest.values()))


def joined(paths: Sequence[str | Path], read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """The tables of all paths that have one, with the run's name where there are several."""

    folders = [Path(p) for p in paths]
    if len(folders) == 1:
        return read(folders[0])
    named = zip(folders, run_names(folders), strict=True)
    tables = [read(folder).assign(run=name) for folder, name in named]
    tables = [t for t in tables if len(t)]
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables, ignore_index=True)
    return table.drop_duplicates([c for c in table if c != "run"], ignore_index=True)  # a run and its own backup


def run_names(paths: list[Path]) -> list[str]:
    """Folder names, with the parent's where two are the same."""
    names = [readable(p.resolve().name) for p in paths]
    return [
        readable(f"{p.resolve().parent.name}/{n}") if names.count(n) > 1 else n
        for p, n in zip(paths, names, strict=True)
    ]
