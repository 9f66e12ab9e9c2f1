"""A CSV or Parquet file as a DataFrame, or the sentence that says what is wrong with it.

A table of rows may be anybody's: what it lacks is completed, and it is flagged as our own trials would be.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.rows.trust import trusted
from analysis.rows.types import LATENCY_CI, checked, place, set_types
from search_spaces.errors import UsageError
from search_spaces.objectives import score_names
from trainables.energy.sources import estimates
from trainables.rows.check import NEEDED, bits_problem
from trainables.rows.columns import ANCHOR_NUMBERS, COLUMNS, WINDOW_COLUMNS, Column
from trainables.rows.flags import MIN_WINDOW_S, SHORT_WINDOW

LEAST_PERCENT = 2.0
NAMED = "named"  # in a frame's attrs: its table named the trials
TABLES = (".csv", ".parquet")
# A table of someone else's needs at least these; what else is missing becomes null.
REQUIRED_COLUMNS = (*NEEDED, "energy_j_per_example")
# Of the tables of windows and anchors: unit, and what is above 0.
_BITS = ("correct_bits", "examples", "accuracy")
_FRESH_BITS = ("fresh_correct_bits", "fresh_examples")
_UNITS = {"temperature_c": "C", "start_s": "s", "duration_s": "s", "passes": "count"}
_OTHERS = {
    n: Column(n, "float", _UNITS.get(n, "J"), "", least=None, positive=n in ("duration_s", "passes"))
    for n in (*ANCHOR_NUMBERS, *WINDOW_COLUMNS)
}


def read_table(path: Path) -> pd.DataFrame:
    """The table, columns as they are. UsageError where it is damaged, or Parquet of an untrusted run."""
    if path.suffix not in TABLES:
        raise UsageError(f"a table of rows must be a .csv or .parquet file, but got {path}; convert it")
    if path.suffix == ".parquet" and not trusted():
        raise UsageError(f"an untrusted table must be a .csv file, but got {path}; ask for results.csv")
    try:
        frame = _read_csv(path) if path.suffix == ".csv" else _read_parquet(path)
    # Damaged Parquet raises whatever its reader stumbles over: pyarrow's errors are of seven built-in kinds.
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise UsageError(f"{path} must be a table, but reading it failed: {reason}; check the file") from error
    frame = frame.reset_index(drop=True)
    frame.columns = frame.columns.map(str)
    doubled = frame.columns[frame.columns.duplicated()]
    if len(doubled):
        raise UsageError(f"a table must name each column once, but {path} has {doubled[0]!r} twice; rename one")
    return frame


def numbers_of(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """The table with every column that we know to hold numbers as float64; UsageError where a cell is none."""
    for name in frame.columns:
        column = COLUMNS.get(name) or _OTHERS.get(name)
        if column is not None and column.kind != "str":
            frame[name] = checked(frame[name], column, source)
    return frame


def _read_csv(path: Path) -> pd.DataFrame:

    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8") from error
    _check_lines(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)
        # Without index_col=False, lines that are longer than the head would shift its names by a column.
        return pd.read_csv(io.StringIO(text), index_col=False, keep_default_na=True)


def _check_lines(text: str) -> None:
    """ValueError unless every line has as many cells as the head has names, all different: pandas fills, shifts
    and renames in silence. Lines are counted as a spreadsheet does: one with line breaks in a cell is one."""
    if "\x00" in text:
        raise ValueError("it holds a zero byte, and so is no text")
    lines = csv.reader(io.StringIO(text, newline=""))
    begin, head = next(((number, line) for number, line in enumerate(lines, start=1) if line), (0, []))
    for sign, what in (("\t", "tab-separated"), (";", "semicolon-separated")):
        if len(head) == 1 and sign in head[0]:
            raise ValueError(f"it is {what}: save it with commas between the cells")
    twice = [name for name in head if head.count(name) > 1]
    if twice:
        raise ValueError(f"it must name each column once, but has {twice[0]!r} twice")
    for number, line in enumerate(lines, start=begin + 1):
        if line and len(line) != len(head):
            raise ValueError(f"line {number} has {len(line)} cells, but the head has {len(head)} names")


def _read_parquet(path: Path) -> pd.DataFrame:

    return pd.read_parquet(io.BytesIO(path.read_bytes()), page_checksum_verification=True)


# ---- tables of rows ----


def load_table(path: Path, columns: Mapping[str, str] | None) -> tuple[pd.DataFrame, list[str]]:
    """(rows, remarks) of a table of rows, with every column of COLUMNS; `columns` renames its own: theirs -> ours.

    UsageError where it is damaged, empty, or lacks one of REQUIRED_COLUMNS.
    """
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
    frame, remarks = _fractions(frame)
    frame = _complete(frame, path)
    remarks += _one_input_assumed(frame)
    return frame, remarks if flagged else remarks + _flag_short_windows(frame)


def load_kept(files: Sequence[Path], columns: Mapping[str, str] | None) -> tuple[pd.DataFrame, list[str]]:
    """(rows, remarks) of the table that a folder keeps, once or in two formats. UsageError where the two differ: one of
    them was changed by hand, and nobody can say that it is the one that is meant."""
    first, *others = [(file, *load_table(file, columns)) for file in files]
    file, frame, remarks = first
    for other, again, _ in others:
        if difference := _difference(frame, again):
            newer = max(file, other, key=lambda f: f.stat().st_mtime)
            raise UsageError(
                f"{file.name} and {other.name} of {file.parent} must hold the same rows, but {difference}; "
                f"{newer.name} is newer: give the file that you mean, or delete the other"
            )
    return frame, remarks


def _difference(one: pd.DataFrame, other: pd.DataFrame) -> str:
    """Where two tables of rows differ, in words; "" where they do not."""
    if len(one) != len(other):
        return f"they hold {len(one)} and {len(other)} rows"
    extra = set(one.columns) ^ set(other.columns)
    if extra:
        return f"only one has the column {min(extra)}"
    for name in one.columns:
        a, b = one[name], other[name]
        same = (a == b) | (a.isna() & b.isna())
        if a.dtype.kind == b.dtype.kind == "f":
            same |= np.isclose(a, b, rtol=1e-9, atol=0)
        bad = np.flatnonzero(~same.fillna(False).to_numpy(dtype=bool))
        if len(bad):
            return f"row {bad[0]} has the {name} {a.iloc[bad[0]]} and {b.iloc[bad[0]]}"
    return ""


def _fractions(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Scores as fractions where a column holds percent: all of it from `LEAST_PERCENT` to 100, since 1.2 may be a slip
    for 0.12 as well."""
    remarks = []
    for name in score_names():
        values = frame[name].dropna() if name in frame else frame.iloc[:, 0].iloc[:0]
        numeric = len(values) and pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        if numeric and values.between(LEAST_PERCENT, 100).all():
            frame = frame.assign(**{name: frame[name] / 100})
            remarks.append(f"{name} is given in percent ({values.min():g} to {values.max():g}) and was divided by 100")
    return frame, remarks


def _one_input_assumed(frame: pd.DataFrame) -> list[str]:
    """A question's paragraph becomes several inputs where it is longer than the limit."""
    spans = frame["exact_match"].notna() & frame["inputs_per_example"].isna()
    if not spans.any():
        return []
    return [
        f"{int(spans.sum())} of {len(frame)} rows are scored by exact match and do not say inputs_per_example: "
        "one model input per question is assumed, so where long texts became several an energy per token is wrong"
    ]


def _flag_short_windows(frame: pd.DataFrame) -> list[str]:
    """Flag the rows of a table without flags as our own trials would be: no energy from a window shorter than
    the sensor needs. Estimates have no sensor."""
    short = (frame["window_s"] < MIN_WINDOW_S) & ~frame["energy_source"].isin(estimates())
    frame.loc[short, "flags"] = SHORT_WINDOW
    if not short.any():
        return []
    return [
        f"{int(short.sum())} of {len(frame)} rows come from windows shorter than {MIN_WINDOW_S:g} s and were "
        f"flagged {SHORT_WINDOW}: their energies are too low by an unknown amount, and enter nothing"
    ]


def _complete(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """A foreign table with every column: rows without a status count as ok, names are made from the file's."""
    absent = [c for c in (*COLUMNS, LATENCY_CI) if c not in frame.columns]
    frame = frame.assign(**dict.fromkeys(absent))
    if "status" in absent:
        frame["status"] = "ok"
    frame.attrs[NAMED] = "trial_id" not in absent
    if "trial_id" in absent:
        frame["trial_id"] = [f"{path.stem}-{i}" for i in range(len(frame))]
    for column in COLUMNS.values():
        if column.kind != "str":
            frame[column.name] = checked(frame[column.name], column, path.name)
    fresh = frame[[*_FRESH_BITS]].assign(accuracy=None)
    both = pd.concat([frame[[*_BITS]], fresh.set_axis(_BITS, axis=1)])
    for row, cells in zip(both.index, both.itertuples(index=False), strict=True):
        if contradiction := bits_problem(*cells):
            raise UsageError(f"{place(row, path.name)} must be of one piece: {contradiction}; correct the file")
    for name in NEEDED:
        empty = frame.index[frame[name].isna() & (frame["status"] == "ok")]
        if len(empty):
            raise UsageError(f"every measured row must have a {name}, but {place(empty[0], path.name)} has none")
    frame[LATENCY_CI] = checked(frame[LATENCY_CI], Column(LATENCY_CI, "float", "ms/example", ""), path.name)
    return set_types(frame.copy())
