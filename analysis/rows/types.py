"""The types of a table of rows: numbers as float64 and int64, text as str, and the columns that reading adds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from search_spaces.errors import UsageError
from search_spaces.trial_config import SWEEP
from trainables.energy.sources import SOURCES
from trainables.rows.check import LARGEST, number_rule, shortened
from trainables.rows.columns import COLUMNS, Column
from trainables.rows.flags import normal_flags
from trainables.rows.interval import half_width

LATENCY_CI = "latency_ms_per_example_ci95"  # derived from the window table, half-width within the trial
DERIVED_COLUMNS = (LATENCY_CI, "run")


def latency_ci(windows: Any, examples_per_pass: Any) -> float:
    """Half-width (ms/example) of the Student-t 95 % interval of the latency over the windows of one trial.

    `windows` as lists of WINDOW_COLUMNS; NaN for fewer than two.
    """
    if not windows or len(windows) < 2 or not examples_per_pass:
        return float("nan")

    table = np.asarray(windows, dtype=float)
    return half_width(1000 * table[:, 1] / (table[:, 2] * float(examples_per_pass)))


def set_types(frame: pd.DataFrame) -> pd.DataFrame:
    """Floats as float64, counts as int64 (Int64 where some are null), text as str with NaN for null, flags and
    purpose as this program writes them; in place."""

    for name, column in COLUMNS.items():
        values = frame[name]
        if column.kind == "str":
            text = values.astype(object).where(values.notna(), None)
            frame[name] = pd.Series([None if v is None else str(v) for v in text], index=frame.index, dtype="str")
        else:
            numbers = pd.to_numeric(values, errors="coerce").astype(float)
            numbers = numbers.where(np.isfinite(numbers))
            if column.kind == "float":
                frame[name] = numbers
            else:
                frame[name] = numbers.astype("Int64") if numbers.isna().any() else numbers.astype("int64")
    cells = frame["flags"].fillna("")
    frame["flags"] = cells.map({cell: normal_flags(cell) for cell in cells.unique()}).astype("str")
    frame["error"] = frame["error"].fillna("")
    purposes = frame["purpose"].fillna(SWEEP)  # rows of older versions know no other
    frame["purpose"] = purposes.map({p: p.strip().casefold() or SWEEP for p in purposes.unique()}).astype("str")
    # "Estimate" must not pass for a sensor.
    spelled = {name: str(name).strip().casefold() for name in frame["energy_source"].dropna().unique()}
    frame["energy_source"] = frame["energy_source"].replace({n: s for n, s in spelled.items() if s in SOURCES})
    return frame


def place(row: int, source: str) -> str:
    """Where a row (from 0) stands: "line 3 of rows.csv", as a spreadsheet counts, where the head is line 1 and a cell
    with line breaks is one; "row 1 of rows.parquet". Empty lines are not counted."""
    return f"line {row + 2} of {source}" if source.endswith(".csv") else f"row {row} of {source}"


def checked(values: pd.Series, column: Column, source: str) -> pd.Series:
    """A column of somebody's table as float64, or the UsageError that names the first cell that does not fit."""

    known = values.notna()
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        plain = values.astype(object).map(lambda v: v if isinstance(v, (str, int, float)) else str(v))
        plain = plain.map(lambda v: str(v) if isinstance(v, bool) else v)
        numbers = pd.to_numeric(plain.where(known), errors="coerce").astype(float)
    else:
        numbers = values.astype(float)
    bad = known & (numbers.isna() | (numbers.abs() > LARGEST))
    if column.kind == "int":
        bad |= known & (numbers != np.floor(numbers))
    if column.unit == "fraction":
        bad |= known & (numbers > 1)
    if column.positive:
        bad |= known & (numbers <= 0)
    elif column.least is not None:
        bad |= known & (numbers < column.least)
    if bad.any():
        first = values[bad].index[0]
        raise UsageError(
            f"{column.name} must be {number_rule(column)}, but {place(first, source)} has "
            f"{shortened(values[first])}; correct the file"
        )
    return numbers
