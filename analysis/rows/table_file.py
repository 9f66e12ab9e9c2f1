"""A CSV or Parquet file as a DataFrame, or the sentence that says what is wrong with it."""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.rows.trust import trusted
from search_spaces.errors import UsageError
from trainables.rows.check import ANCHOR_NUMBERS, BY_NAME, checked
from trainables.rows.columns import WINDOW_COLUMNS, Column

if TYPE_CHECKING:
    import pandas as pd

TABLES = (".csv", ".parquet")
_UNITS = {"temperature_c": "C", "start_s": "s", "duration_s": "s", "passes": "count"}
_OTHERS = {n: Column(n, "float", _UNITS.get(n, "J"), "") for n in (*ANCHOR_NUMBERS, *WINDOW_COLUMNS)}


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
        column = BY_NAME.get(name) or _OTHERS.get(name)
        if column is not None and column.kind != "str":
            frame[name] = checked(frame[name], column, source)
    return frame


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    text = path.read_text(encoding="utf-8-sig")
    _check_lines(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)
        # Without index_col=False, lines that are longer than the head would shift its names by a column.
        return pd.read_csv(io.StringIO(text), index_col=False, keep_default_na=True)


def _check_lines(text: str) -> None:
    """ValueError unless every line has as many cells as the head has names, all different: pandas fills, shifts
    and renames in silence."""
    if "\x00" in text:
        raise ValueError("it holds a zero byte, and so is no text")
    lines = csv.reader(io.StringIO(text, newline=""))
    head = next((line for line in lines if line), [])
    twice = [name for name in head if head.count(name) > 1]
    if twice:
        raise ValueError(f"it must name each column once, but has {twice[0]!r} twice")
    for line in lines:
        if line and len(line) != len(head):
            raise ValueError(f"line {lines.line_num} has {len(line)} cells, but the head has {len(head)} names")


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(io.BytesIO(path.read_bytes()), page_checksum_verification=True)
