"""What Ray keeps of a run's measuring trials: every finished trial's row, and why the others have none.

Both a trial's own file (`trainables.rows.finished`) and Ray's experiment state are read, and the trial's file wins: the
state lags by seconds and is missing after a SIGKILL. It embeds pickles, so of an untrusted run it is not read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.rows.trust import trusted
from search_spaces.axes import AXES
from trainables.rows.check import fits, is_number, problem_of
from trainables.rows.columns import COLUMNS, empty_row
from trainables.rows.file import ROW_FILE
from trainables.rows.finished import CONFIG_FIELDS, RESULT_FILE, is_row, stored_row, trial_id_of
from trainables.rows.folder import MEASURE, experiments, trial_folders

PARAMS_FILE, ERROR_FILE = "params.json", "error.txt"  # of Ray, in a trial's folder
_TRIAL_FILES = (PARAMS_FILE, RESULT_FILE, ROW_FILE)
# What Ray adds to every result.
RAY_KEYS = frozenset(
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


@dataclass
class Found:
    """What a run holds: results by trial_id, how many trials were started, and how many of them have no result."""

    results: dict[str, dict[str, Any]] = field(default_factory=dict)  # by trial_id
    trials: int = 0
    unfinished: int = 0
    notes: list[str] = field(default_factory=list)


# By folder, and whether it is trusted; None: a run is read again each time.
_READ: ContextVar[dict[tuple[Path, bool], Found] | None] = ContextVar("read", default=None)


@contextmanager
def reading_once() -> Iterator[None]:
    """Within it each run folder is read once: a report wants rows, then windows, then anchors of the same files."""
    token = _READ.set({})
    try:
        yield
    finally:
        _READ.reset(token)


def read_run(path: Path) -> Found:
    """Every finished trial of every measure-* experiment by trial_id: ok rows before others, then the newest. It may
    be shared (`reading_once`), so it is not to be changed."""
    kept = _READ.get()
    if kept is None:
        return _read_run(path)
    if (place := (path.resolve(), trusted())) not in kept:
        kept[place] = _read_run(path)
    return kept[place]


def _read_run(path: Path) -> Found:
    found = Found()
    failures: dict[str, dict[str, Any]] = {}
    started: set[str] = set()
    repeats = 0
    for experiment in experiments(path, MEASURE):
        for folder, result, error, config in _trials(experiment, found.notes):
            found.trials += 1
            started.add(trial_id_of(config, folder))
            if result is not None:
                trial_id = trial_id_of(result, folder)
                started.add(trial_id)
                kept = found.results.get(trial_id)
                repeats += kept is not None and kept.get("status") == result.get("status") == "ok"
                if kept is None or _rank(result) >= _rank(kept):
                    found.results[trial_id] = result
            elif error:
                row = empty_row(**{k: config.get(k) for k in CONFIG_FIELDS if fits(COLUMNS[k], config.get(k))})
                trial_id = trial_id_of(config, folder)
                failures[trial_id] = row | {"trial_id": trial_id, "status": "failed", "error": error}
    if repeats:
        found.notes.append(f"{repeats} rows have the trial of another row of the folder: the newest of each counts")
    for trial_id, row in failures.items():
        found.results.setdefault(trial_id, row)
    found.unfinished = len(started - set(found.results))
    return found


def _rank(result: Mapping[str, Any]) -> tuple[bool, float]:
    return result.get("status") == "ok", number_in(result, "timestamp") or number_in(result, "started_at")


def _trials(experiment: Path, notes: list[str]) -> Iterator[tuple[str, dict[str, Any] | None, str, dict[str, Any]]]:
    """(folder name, finished result or None, error text, configuration) of every trial of one experiment."""
    state = _state(experiment, notes)
    folders = {p.name: p for p in trial_folders(experiment)}
    for name in {**dict.fromkeys(state), **folders}:
        known = state.get(name)
        folder = folders.get(name)
        if known is None and not (folder and any((folder / f).exists() for f in _TRIAL_FILES)):
            continue  # a folder, but not a trial's
        result, damage = stored_row(folder) if folder else (None, "")
        if damage:
            notes.append(f"{experiment.name}/{name}: {damage}; the trial counts as not measured")
        elif result is None and known and is_row(known.last_result) and not problem_of(known.last_result):
            result = dict(known.last_result)
        error = _error_text(folder) if folder else ""
        if not error and known and known.status == "ERROR":
            error = "Ray reports an error without a text"
        config = known.config if known else _json(folder / PARAMS_FILE) if folder else {}
        yield name, result, error, _flat_config(config) if isinstance(config, Mapping) else {}


def _state(experiment: Path, notes: list[str]) -> dict[str, Any]:
    """Trials by folder name as Ray's newest experiment state has them; {} where there is none to be read."""
    if not trusted() or not any(experiment.glob("experiment_state-*.json")):
        return {}
    from ray.tune import ExperimentAnalysis

    class Trials(ExperimentAnalysis):  # type: ignore[misc]
        """Without its tables of all results, half of its time, which nobody looks at."""

        def _fetch_trial_dataframes(self) -> dict[str, Any]:
            return {}

    # It warns of every trial without a result.json: which they are, and why, is in the rows.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
    try:
        trials = Trials(str(experiment.resolve())).trials or []
        return {Path(trial.path).name: trial for trial in trials}
    except Exception as error:  # a state file cut off by a kill raises whatever its reader stumbles over
        notes.append(f"{experiment.name}: Ray's state is unreadable ({type(error).__name__}); trial files were read")
        return {}


def _error_text(folder: Path) -> str:
    """The last line of Ray's error.txt: the exception without its traceback."""
    file = folder / ERROR_FILE
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
        if not AXES.keys().isdisjoint(candidate):
            return {str(k): v for k, v in candidate.items()}
    return {}


def number_in(values: Mapping[str, Any], name: str) -> float:
    """A number to sort by, 0 where there is none."""
    value: Any = values.get(name)
    return float(value) if is_number(value) else 0.0
