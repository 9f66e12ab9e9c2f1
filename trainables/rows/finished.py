"""Which trials of a run folder have a row, and which row files are damaged: read from the trials' folders alone.

A trial is finished when its own row file says so (`row.json`, written by the driver at once and sealed by a digest; in
older runs Ray's `result.json`): Ray's experiment state lags by seconds and is missing after a SIGKILL.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from search_spaces.trial_config import TrialConfig
from trainables.rows.check import fits, is_null, problem_of
from trainables.rows.columns import COLUMNS
from trainables.rows.file import ROW_FILE, unseal
from trainables.rows.folder import MEASURE, experiments, readable, trial_folders

RESULT_FILE = "result.json"  # Ray's, a line per result
CONFIG_FIELDS = tuple(field.name for field in fields(TrialConfig))


def finished_trials(path: str | Path) -> dict[str, str]:
    """trial_id -> status of every trial of a run that has a row on disk: what a resumed run never starts.

    A trial whose process died left no row. Reads no Ray state; may be empty.
    """
    return {trial_id_of(row, folder.name): str(row["status"]) for folder, row in _rows(Path(path))}


def finished_rows(path: str | Path) -> Iterator[dict[str, Any]]:
    """The rows of `finished_trials`."""
    for _, row in _rows(Path(path)):
        yield row


def _rows(path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """(folder, row) of every trial of a run that has one."""
    for _, folder in _measured(path):
        if row := stored_row(folder)[0]:
            yield folder, row


def rows_by_trial(path: str | Path) -> dict[str, dict[str, Any]]:
    """trial_id -> row; of a trial that was measured again the last good one."""
    found: dict[str, dict[str, Any]] = {}
    for folder, row in _rows(Path(path)):
        kept = found.get(name := trial_id_of(row, folder.name))
        if kept is None or row["status"] == "ok" or kept["status"] != "ok":
            found[name] = row
    return found


def damaged_trials(path: str | Path) -> dict[str, str]:
    """Trial folder ("measure-0/NAME") -> what is wrong with the file of its row: such a trial is not finished."""
    return {
        f"{experiment.name}/{folder.name}": damage
        for experiment, folder in _measured(Path(path))
        if (damage := stored_row(folder)[1])
    }


def _measured(path: Path) -> Iterator[tuple[Path, Path]]:
    """(experiment, folder) of every measuring trial of a run."""
    for experiment in experiments(path, MEASURE):
        for folder in trial_folders(experiment):
            yield experiment, folder


def stored_row(folder: Path) -> tuple[dict[str, Any] | None, str]:
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
        return _checked(row) if is_row(row) else (None, f"{ROW_FILE} holds no row")
    return next((_checked(result) for result in last_results(folder) if is_row(result)), (None, ""))


def _checked(row: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    problem = problem_of(row)
    return (None, problem) if problem else (row, "")


def is_row(result: Mapping[str, Any] | None) -> bool:
    """Is it the result of a measuring trial, and not of a fine-tuning?"""
    return result is not None and "trial_id" in result and isinstance(result.get("status"), str)


def last_results(folder: Path) -> Iterator[dict[str, Any]]:
    """What Ray's result file of a trial holds, the last first; lines that a kill cut off are passed over."""
    file = folder / RESULT_FILE
    if not file.is_file():
        return
    for line in reversed(file.read_text(encoding="utf-8", errors="replace").splitlines()):
        try:
            result = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(result, dict):
            yield result


def trial_id_of(values: Mapping[str, Any], folder: str) -> str:
    """The trial's own name. Ray overwrites `trial_id` in results with its own id, so it is built again."""
    known = {name: values[name] for name in CONFIG_FIELDS if not is_null(values.get(name))}
    try:
        if all(fits(COLUMNS[name], value) for name, value in known.items()):
            return TrialConfig.from_dict(known).trial_id
    except (TypeError, ValueError, KeyError, UsageError):
        pass  # an incomplete or impossible configuration has no name of its own
    return readable(str(values.get("trial_id") or folder))
