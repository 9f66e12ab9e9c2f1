"""The raw measurements of a run: windows and sensor traces, and every energy computed again from them."""

from __future__ import annotations

import base64
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.rows.load import joined
from analysis.rows.ray_folder import read_run
from analysis.rows.table_file import numbers_of, read_table
from analysis.rows.trust import trusted
from search_spaces.errors import UsageError
from trainables.energy.trace import Trace
from trainables.energy.windows import window_energies
from trainables.rows.columns import TRACE, WINDOW_COLUMNS, WINDOW_TABLE
from trainables.rows.folder import MEASURE, experiments


def load_windows(*paths: str | Path) -> pd.DataFrame:
    """The windows of every trial: trial_id, window (from 0), then WINDOW_COLUMNS (s and J); of several runs also
    `run`."""
    return joined(paths, _windows)


def _windows(path: Path) -> pd.DataFrame:

    if not experiments(path, MEASURE):
        kept = path / "windows.parquet"
        if kept.is_file() and trusted():
            return numbers_of(read_table(kept), kept.name)
    records = [
        (trial_id, i, *window)
        for trial_id, result in read_run(path).results.items()
        for i, window in enumerate(result.get(WINDOW_TABLE) or [])
    ]
    frame = pd.DataFrame.from_records(records, columns=["trial_id", "window", *WINDOW_COLUMNS])
    return frame.astype(dict.fromkeys(WINDOW_COLUMNS, float))


def load_traces(path: str | Path) -> dict[str, Trace]:
    """Raw sensor samples per trial_id: what any energy of the run can be computed again from. They are Parquet:
    of an untrusted run none is read."""
    return {
        trial_id: _trace(result[TRACE], trial_id)
        for trial_id, result in read_run(Path(path)).results.items()
        if result.get(TRACE) and trusted()
    }


def _trace(text: str, trial_id: str) -> Trace:

    try:
        return Trace.from_parquet_bytes(base64.b64decode(text, validate=True))
    except Exception as error:  # damaged Parquet raises whatever its reader stumbles over
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"the trace of {trial_id} must be Parquet as base64, but reading it failed: {reason}; it is damaged"
        ) from error


def recompute(path: str | Path) -> pd.DataFrame:
    """Every trial's energy computed again from its raw sensor trace, beside the row's.

    Columns: trial_id, energy_j_per_example (the row's), from_windows_j_per_example (joules of the window
    table), from_trace_j_per_example (of the trace between the windows' edges), relative_difference (trace
    over row - 1). NaN where a trial keeps no trace, or an untrusted one.
    """

    records = []
    for trial_id, result in read_run(Path(path)).results.items():
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
    """Seconds since the trace began: n + 1 edges of adjacent windows (stored as start, duration), else pairs."""

    start, end = windows[:, 0], windows[:, 0] + windows[:, 1]
    if len(start) > 1 and np.allclose(end[:-1], start[1:], rtol=0, atol=1e-6):
        return np.append(start, end[-1])
    return np.column_stack([start, end])
