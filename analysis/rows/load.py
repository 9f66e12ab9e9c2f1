"""Run folders, Ray experiments and plain tables in; one DataFrame of measuring trials out.

A trial is finished when its own row file says so (`row.json`, written by the driver at once and sealed by a digest; in
older runs Ray's `result.json`): Ray's experiment state lags by seconds and is missing after a SIGKILL. Both are
read, and the trial's file wins.

Ray's state embeds pickles, which run code when read: what is not yours is read within `analysis.untrusted()`
(`--untrusted`), from JSON and CSV alone.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.files import readable
from analysis.rows.table_file import numbers_of, read_table
from analysis.rows.trust import check_folder, trusted
from search_spaces.errors import UsageError
from search_spaces.trial_config import TrialConfig
from trainables.energy.sources import estimates
from trainables.rows.check import BY_NAME, NEEDED, checked, fits, is_null, is_number, is_text, problem_of
from trainables.rows.columns import (
    COLUMN_NAMES,
    COLUMNS,
    ROW_FILE,
    TRACE,
    WINDOW_COLUMNS,
    WINDOW_TABLE,
    Column,
    empty_row,
    unseal,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from trainables.energy.trace import Trace

# A table of someone else's needs at least these; what else is missing becomes null.
REQUIRED_COLUMNS = (*NEEDED, "energy_j_per_example")
LATENCY_CI = "latency_ms_per_example_ci95"  # derived from the window table, half-width within the trial
DERIVED_COLUMNS = (LATENCY_CI, "run")

SHORT_WINDOW_S = 1.0  # trainables.rows.columns.FLAGS["short_window"]

_TRIAL_FILES = ("params.json", "result.json", ROW_FILE)
_ANCHOR_FROM_ROW = ("model", "gpu_name", "started_at", "gpu_uuid", "worker")
_CONFIG_FIELDS = tuple(f for f in COLUMN_NAMES if f in TrialConfig.__dataclass_fields__)


def load(*paths: str | Path, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """One row per measuring trial of every path: run folders, or CSV/Parquet files of rows.

    Columns are those of `trainables.rows.columns.COLUMNS` (with their units), then `latency_ms_per_example_ci95`
    and `run` (the folder's name), then whatever else a table holds. Nulls are NaN; `flags` and `error` are
    empty strings. `columns` renames a table's columns: {"its name": "ours"}. `rows.attrs` hold notes
    (what was repaired or odd) and folders (path of each run).

    Raises UsageError when a path is not a run folder, holds no finished trial, or lacks a column.
    """
    import pandas as pd

    if not paths:
        raise UsageError("at least one run folder or table must be given; give a path such as runs/demo")
    frames, notes = [], []
    names = run_names([Path(p) for p in paths])
    for path, name in zip(map(Path, paths), names, strict=True):
        frame, remarks = _load_one(path, columns)
        frame["run"] = name
        frames.append(frame)
        notes += [f"{name}: {remark}" for remark in remarks]
    rows = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    first = [*COLUMN_NAMES, *DERIVED_COLUMNS]
    rows = rows[first + [c for c in rows.columns if c not in first]]
    rows.attrs["notes"] = notes
    rows.attrs["folders"] = dict(zip(names, map(str, paths), strict=True))
    return rows


def load_windows(*paths: str | Path) -> pd.DataFrame:
    """The windows of every trial: trial_id, window (from 0), then WINDOW_COLUMNS (s and J); of several runs
    also `run`."""
    return _joined(paths, _windows)


def _windows(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not _experiments(path, "measure"):
        kept = path / "windows.parquet"
        if kept.is_file() and trusted():
            return numbers_of(read_table(kept), kept.name)
    records = [
        (trial_id, i, *window)
        for trial_id, result in _results(path).items()
        for i, window in enumerate(result.get(WINDOW_TABLE) or [])
    ]
    frame = pd.DataFrame.from_records(records, columns=["trial_id", "window", *WINDOW_COLUMNS])
    return frame.astype(dict.fromkeys(WINDOW_COLUMNS, float))


def load_traces(path: str | Path) -> dict[str, Trace]:
    """Raw sensor samples per trial_id: what any energy of the run can be computed again from. They are Parquet:
    of an untrusted run none is read."""
    return {
        trial_id: _trace(result[TRACE], trial_id)
        for trial_id, result in _results(Path(path)).items()
        if result.get(TRACE) and trusted()
    }


def _trace(text: str, trial_id: str) -> Trace:
    from trainables.energy.trace import Trace

    try:
        return Trace.from_parquet_bytes(base64.b64decode(text, validate=True))
    except Exception as error:  # damaged Parquet raises whatever its reader stumbles over
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"the trace of {trial_id} must be Parquet as base64, but reading it failed: {reason}; it is damaged"
        ) from error


def load_environment(path: str | Path) -> dict[str, Any]:
    """environment.json of a run folder, {} where there is none."""
    file = Path(path) / "environment.json"
    if not file.is_file():
        return {}
    check_folder(Path(path))
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} must hold JSON, but {error}; restore or delete it") from error
    return found if isinstance(found, dict) else {}


def load_anchors(*paths: str | Path) -> pd.DataFrame:
    """Measurements of the fixed anchor load, by time: what the drift of a card and the difference between
    cards show up in. May be empty.

    Columns: trial_id (the trial that it preceded), model, gpu_name, started_at (UNIX s), gpu_uuid, worker,
    energy_j_per_example, mean_power_w, temperature_c; of several runs also `run`. Read from the trials'
    results, or from the anchors.csv of a folder kept without them.
    """
    return _joined(paths, _anchors)


def _anchors(path: Path) -> pd.DataFrame:
    import pandas as pd

    found = [
        {"trial_id": trial_id} | {k: r.get(k) for k in _ANCHOR_FROM_ROW} | r["anchor"]
        for trial_id, r in (_results(path).items() if _experiments(path, "measure") else ())
        if isinstance(r.get("anchor"), dict)
    ]
    if not found:
        kept = path / "anchors.csv"
        return numbers_of(read_table(kept), kept.name) if kept.is_file() else pd.DataFrame()
    return pd.DataFrame(found).sort_values("started_at", ignore_index=True)


def load_finetune(*paths: str | Path) -> pd.DataFrame:
    """The last result of each fine-tuning trial (task, model, seed, epoch, accuracy, energy_j, ...); of
    several runs also `run`. May be empty."""
    return _joined(paths, _finetune)


def _finetune(path: Path) -> pd.DataFrame:
    import pandas as pd

    kept = path / "finetune.csv"
    last = [result for folder in _experiments(path, "finetune") for result in _last_results(folder)]
    if not last:
        return numbers_of(read_table(kept), kept.name) if kept.is_file() else pd.DataFrame()
    newest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for result in sorted(last, key=lambda r: (_number(r, "epoch"), _number(r, "timestamp"))):
        key = tuple(str(result.get(k)) for k in ("task", "model", "seed"))
        newest[key] = {
            k: v
            for k, v in result.items()
            if k not in _RAY_KEYS and (is_text(v) or isinstance(v, bool) or is_null(v) or is_number(v))
        }
    return pd.DataFrame(list(newest.values()))


def _number(values: Mapping[str, Any], name: str) -> float:
    """A number to sort by, 0 where there is none."""
    value: Any = values.get(name)
    return float(value) if is_number(value) else 0.0


def _joined(paths: Sequence[str | Path], read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """The tables of all paths that have one, with the run's name where there are several."""
    import pandas as pd

    folders = [Path(p) for p in paths]
    if len(folders) == 1:
        return read(folders[0])
    named = zip(folders, run_names(folders), strict=True)
    tables = [read(folder).assign(run=name) for folder, name in named]
    tables = [t for t in tables if len(t)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def finished_trials(path: str | Path) -> dict[str, str]:
    """trial_id -> status of every trial of a run that has a row on disk: what a resumed run never starts.

    A trial whose process died left no row. Reads no Ray state; may be empty.
    """
    return {
        _trial_id(result, folder.name): str(result["status"])
        for experiment in _experiments(Path(path), "measure")
        for folder in sorted(p for p in experiment.iterdir() if p.is_dir())
        if (result := _stored(folder)[0])
    }


def damaged_trials(path: str | Path) -> dict[str, str]:
    """Trial folder ("measure-0/NAME") -> what is wrong with the file of its row: such a trial is not finished."""
    return {
        f"{experiment.name}/{folder.name}": damage
        for experiment in _experiments(Path(path), "measure")
        for folder in sorted(p for p in experiment.iterdir() if p.is_dir())
        if (damage := _stored(folder)[1])
    }


def recompute(path: str | Path) -> pd.DataFrame:
    """Every trial's energy computed again from its raw sensor trace, beside the row's.

    Columns: trial_id, energy_j_per_example (the row's), from_windows_j_per_example (joules of the window
    table), from_trace_j_per_example (of the trace between the windows' edges), relative_difference (trace
    over row - 1). NaN where a trial keeps no trace, or an untrusted one.
    """
    import numpy as np
    import pandas as pd

    from trainables.energy.windows import window_energies

    records = []
    for trial_id, result in _results(Path(path)).items():
        windows, per_pass = result.get(WINDOW_TABLE), result.get("examples_per_pass")
        energy = result.get("energy_j_per_example")
        if not windows or not per_pass or not energy:
            continue
        table = np.asarray(windows, dtype=float)
        examples = table[:, 2].sum() * per_pass
        again = float("nan")
        if result.get(TRACE) and trusted():
            trace = _trace(result[TRACE], trial_id)
            with suppress(ValueError):  # windows out of order: nothing to compute
                found = window_energies(trace, _edges(table) + trace.time_s[0])
                again = float("nan") if found.total_energy_j is None else found.total_energy_j / examples
        records.append((trial_id, energy, table[:, 3].sum() / examples, again, again / energy - 1))
    names = ["trial_id", "energy_j_per_example", "from_windows_j_per_example", "from_trace_j_per_example"]
    return pd.DataFrame.from_records(records, columns=[*names, "relative_difference"])


def _edges(windows: np.ndarray) -> np.ndarray:
    """Seconds since the trace began: n + 1 edges of adjacent windows (stored as start, duration), else
    pairs."""
    import numpy as np

    start, end = windows[:, 0], windows[:, 0] + windows[:, 1]
    if len(start) > 1 and np.allclose(end[:-1], start[1:], rtol=0, atol=1e-6):
        return np.append(start, end[-1])
    return np.column_stack([start, end])


# ---- one path ----


def _load_one(path: Path, columns: Mapping[str, str] | None) -> tuple[pd.DataFrame, list[str]]:
    if path.is_file():
        return _load_table(path, columns)
    if not path.is_dir():
        raise UsageError(f"a run must be a folder or a .csv or .parquet file, but there is no {path}; check the path")
    if _experiments(path, "measure"):
        return _load_run(path)
    # A folder kept for the record, without Ray's files.
    for name in ("results.parquet", "results.csv") if trusted() else ("results.csv",):
        if (path / name).is_file():
            return _load_table(path / name, columns)
    raise UsageError(
        f"a run folder must hold ray/measure-0 (written by tuner.grid or tuner.search) or results.csv, "
        f"but {path} holds neither; give the folder that was --output-dir"
    )


def _load_run(path: Path) -> tuple[pd.DataFrame, list[str]]:
    found = _read_run(path)
    if not found.results:
        raise UsageError(
            f"a run must hold at least one finished trial, but none of the {found.trials} trials in {path} "
            f"has a "
            f"result; let it run on with: python -m tuner.grid --resume {path}"
        )
    rows = []
    for trial_id, result in found.results.items():
        row = {name: result.get(name) for name in COLUMN_NAMES} | {"trial_id": trial_id}
        row[LATENCY_CI] = _latency_ci(result.get(WINDOW_TABLE), result.get("examples_per_pass"))
        rows.append(row)
    rows.sort(key=lambda row: (row["started_at"] is None, row["started_at"] or 0.0))
    if found.unfinished:
        found.notes.append(f"{found.unfinished} trials were started and have no result yet")
    return _typed(rows), found.notes


def _load_table(path: Path, columns: Mapping[str, str] | None) -> tuple[pd.DataFrame, list[str]]:
    frame = read_table(path)
    if columns:
        absent = [c for c in columns if c not in frame.columns]
        if absent:
            raise UsageError(
                f"--columns must name columns of {path.name}, but it has no {', '.join(absent)}; "
                f"it has {', '.join(map(str, frame.columns))}"
            )
        frame = frame.rename(columns=dict(columns))
    missing = [c for c in REQUIRED_COLUMNS if c not in frame.columns]
    if missing:
        raise UsageError(
            f"a table of rows must have the columns {', '.join(REQUIRED_COLUMNS)}, but {path.name} lacks "
            f"{', '.join(missing)}; rename them, or map them with --columns THEIRS=OURS "
            f"(it has {', '.join(map(str, frame.columns))})"
        )
    if frame.empty:
        raise UsageError(f"a table of rows must hold at least one row, but {path} is empty; give another file")
    flagged = "flags" in frame.columns
    frame = _complete(frame, path)
    return frame, [] if flagged else _flag_short_windows(frame)


def _flag_short_windows(frame: pd.DataFrame) -> list[str]:
    """Flag the rows of a table without flags as our own trials would be: no energy from a window shorter than
    the sensor needs. Estimates have no sensor."""
    short = (frame["window_s"] < SHORT_WINDOW_S) & ~frame["energy_source"].isin(estimates())
    frame.loc[short, "flags"] = "short_window"
    if not short.any():
        return []
    return [
        f"{int(short.sum())} of {len(frame)} rows come from windows shorter than {SHORT_WINDOW_S:g} s and were "
        f"flagged short_window: their energies are too low by an unknown amount, and enter nothing"
    ]


# ---- Ray's folders ----


@dataclass
class _Found:
    results: dict[str, dict[str, Any]] = field(default_factory=dict)  # by trial_id
    trials: int = 0
    unfinished: int = 0
    notes: list[str] = field(default_factory=list)


_RAY_KEYS = frozenset(
    [
        "done",
        "training_iteration",
        "date",
        "timestamp",
        "time_this_iter_s",
        "time_total_s",
        "pid",
        "hostname",
        "node_ip",
        "config",
        "time_since_restore",
        "iterations_since_restore",
        "trial_id",
        "experiment_tag",
        "should_checkpoint",
        "checkpoint_dir_name",
        "timesteps_total",
        "episodes_total",
    ]
)


def _experiments(path: Path, phase: str) -> list[Path]:
    """Ray experiments of a phase, oldest first; `path` may also be one experiment itself."""
    if path.is_dir():
        check_folder(path)
    if path.name.startswith(f"{phase}-") and path.is_dir():
        return [path]
    found = [p for p in (path / "ray").glob(f"{phase}-*") if p.is_dir()]
    return sorted(found, key=lambda p: (len(p.name), p.name))


def _results(path: Path) -> dict[str, dict[str, Any]]:
    return _read_run(path).results


def _read_run(path: Path) -> _Found:
    """Every finished trial of every measure-* experiment by trial_id: ok rows before others, then the
    newest."""
    found = _Found()
    failures: dict[str, dict[str, Any]] = {}
    started: set[str] = set()
    for experiment in _experiments(path, "measure"):
        for folder, result, error, config in _trials(experiment, found.notes):
            found.trials += 1
            started.add(_trial_id(config, folder))
            if result is not None:
                trial_id = _trial_id(result, folder)
                started.add(trial_id)
                kept = found.results.get(trial_id)
                if kept is None or _rank(result) >= _rank(kept):
                    found.results[trial_id] = result
            elif error:
                row = empty_row(**{k: config.get(k) for k in _CONFIG_FIELDS if fits(BY_NAME[k], config.get(k))})
                trial_id = _trial_id(config, folder)
                failures[trial_id] = row | {"trial_id": trial_id, "status": "failed", "error": error}
    for trial_id, row in failures.items():
        found.results.setdefault(trial_id, row)
    found.unfinished = len(started - set(found.results))
    return found


def _rank(result: Mapping[str, Any]) -> tuple[bool, float]:
    return result.get("status") == "ok", _number(result, "timestamp") or _number(result, "started_at")


def _trials(experiment: Path, notes: list[str]) -> Iterator[tuple[str, dict[str, Any] | None, str, dict[str, Any]]]:
    """(folder name, finished result or None, error text, configuration) of every trial of one experiment."""
    state = _state(experiment, notes)
    folders = {p.name: p for p in experiment.iterdir() if p.is_dir()}
    for name in {**dict.fromkeys(state), **dict.fromkeys(sorted(folders))}:
        known = state.get(name)
        folder = folders.get(name)
        if known is None and not (folder and any((folder / f).exists() for f in _TRIAL_FILES)):
            continue  # a folder, but not a trial's
        result, damage = _stored(folder) if folder else (None, "")
        if damage:
            notes.append(f"{experiment.name}/{name}: {damage}; the trial counts as not measured")
        elif result is None and known and _is_row(known.last_result) and not problem_of(known.last_result):
            result = dict(known.last_result)
        error = _error_text(folder) if folder else ""
        if not error and known and known.status == "ERROR":
            error = "Ray reports an error without a text"
        config = known.config if known else _json(folder / "params.json") if folder else {}
        yield name, result, error, _flat_config(config) if isinstance(config, Mapping) else {}


def _state(experiment: Path, notes: list[str]) -> dict[str, Any]:
    """Trials by folder name as Ray's newest experiment state has them; {} where there is none to be read."""
    if not trusted() or not any(experiment.glob("experiment_state-*.json")):
        return {}
    from ray.tune import ExperimentAnalysis

    # It warns of every trial without a result.json: which they are, and why, is in the rows.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
    try:
        trials = ExperimentAnalysis(str(experiment.resolve())).trials or []
        return {Path(trial.path).name: trial for trial in trials}
    except Exception as error:  # a state file cut off by a kill raises whatever its reader stumbles over
        notes.append(f"{experiment.name}: Ray's state is unreadable ({type(error).__name__}); trial files were read")
        return {}


def _is_row(result: Mapping[str, Any] | None) -> bool:
    return bool(result) and "trial_id" in result and isinstance(result.get("status"), str)  # type: ignore[operator,union-attr]


def _stored(folder: Path) -> tuple[dict[str, Any] | None, str]:
    """The row that a trial's folder holds, or what is wrong with the file of it; (None, "") where there is neither.

    Without a row file it is the last complete line of result.json that is a row: one cut off by a kill is not.
    """
    file = folder / ROW_FILE
    if file.is_file():
        try:
            row = unseal(file.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            return None, f"{ROW_FILE} is not text"
        except (ValueError, RecursionError) as error:
            return None, str(error)
        problem = problem_of(row) if _is_row(row) else f"{ROW_FILE} holds no row"
        return (None, problem) if problem else (row, "")
    file = folder / "result.json"
    if not file.is_file():
        return None, ""
    for line in reversed(file.read_text(encoding="utf-8", errors="replace").splitlines()):
        try:
            result = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(result, dict) and _is_row(result):
            problem = problem_of(result)
            return (None, problem) if problem else (result, "")
    return None, ""


def _last_results(experiment: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(experiment.glob("*/result.json")):
        for line in reversed(file.read_text(encoding="utf-8", errors="replace").splitlines()):
            try:
                result = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(result, dict):
                yield result
                break


def _error_text(folder: Path) -> str:
    """The last line of Ray's error.txt: the exception without its traceback."""
    file = folder / "error.txt"
    if not file.is_file():
        return ""
    lines = [line for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "Ray wrote an empty error file"


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _flat_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The trial's fields, whether they lie at the top of Ray's config or one level below."""
    for candidate in (config, *(v for v in config.values() if isinstance(v, dict))):
        if "max_seq_len" in candidate:
            return {str(k): v for k, v in candidate.items()}
    return {}


def _trial_id(values: Mapping[str, Any], folder: str) -> str:
    """The trial's own name. Ray overwrites `trial_id` in results with its own id, so it is built again."""
    known = {k: values[k] for k in _CONFIG_FIELDS if values.get(k) is not None}
    try:
        if all(fits(BY_NAME[k], v) for k, v in known.items()):
            return TrialConfig.from_dict(known).trial_id
    except (TypeError, ValueError, KeyError, UsageError):
        pass  # an incomplete or impossible configuration has no name of its own
    return readable(str(values.get("trial_id") or folder))


# ---- types ----


def _latency_ci(windows: Any, examples_per_pass: Any) -> float:
    """Half-width (ms/example) of the Student-t 95 % interval of the latency over the windows of one trial."""
    if not windows or len(windows) < 2 or not examples_per_pass:
        return float("nan")
    import numpy as np
    from scipy.special import stdtrit

    table = np.asarray(windows, dtype=float)
    latency = 1000 * table[:, 1] / (table[:, 2] * float(examples_per_pass))
    n = len(latency)
    return float(stdtrit(n - 1, 0.975) * latency.std(ddof=1) / n**0.5)


def _typed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return _set_types(pd.DataFrame(rows))


def _set_types(frame: pd.DataFrame) -> pd.DataFrame:
    """Floats as float64, counts as int64 (Int64 where some are null), text as str with NaN for null."""
    import numpy as np
    import pandas as pd

    for column in COLUMNS:
        values = frame[column.name]
        if column.kind == "str":
            text = values.astype(object).where(values.notna(), None)
            frame[column.name] = pd.Series(
                [None if v is None else str(v) for v in text], index=frame.index, dtype="str"
            )
        else:
            numbers = pd.to_numeric(values, errors="coerce").astype(float)
            numbers = numbers.where(np.isfinite(numbers))
            if column.kind == "float":
                frame[column.name] = numbers
            else:
                frame[column.name] = numbers.astype("Int64") if numbers.isna().any() else numbers.astype("int64")
    frame["flags"] = frame["flags"].fillna("")
    frame["error"] = frame["error"].fillna("")
    return frame


def _complete(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """A foreign table with every column: rows without a status count as ok, names are made from the
    file's."""

    absent = [c for c in (*COLUMN_NAMES, LATENCY_CI) if c not in frame.columns]
    frame = frame.assign(**dict.fromkeys(absent))
    if "status" in absent:
        frame["status"] = "ok"
    if "trial_id" in absent:
        frame["trial_id"] = [f"{path.stem}-{i}" for i in range(len(frame))]
    for column in COLUMNS:
        if column.kind != "str":
            frame[column.name] = checked(frame[column.name], column, path.name)
    for name in NEEDED:
        empty = frame.index[frame[name].isna() & (frame["status"] == "ok")]
        if len(empty):
            raise UsageError(f"every measured row must have a {name}, but row {empty[0]} of {path.name} has none")
    frame[LATENCY_CI] = checked(frame[LATENCY_CI], Column(LATENCY_CI, "float", "ms/example", ""), path.name)
    return _set_types(frame.copy())


def run_names(paths: list[Path]) -> list[str]:
    """Folder names, with the parent's where two are the same."""
    names = [readable(p.resolve().name) for p in paths]
    return [
        readable(f"{p.resolve().parent.name}/{n}") if names.count(n) > 1 else n
        for p, n in zip(paths, names, strict=True)
    ]
