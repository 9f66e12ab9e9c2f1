"""Tables of a page as text cells with sort keys."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.words.quantities import Quantity
from analysis.words.rounding import MISSING, format_factor, format_interval, format_positive, points_change

ONE_TRIAL = "one trial"  # in the place of an interval

Record = Mapping[Hashable, Any]  # a row of a frame, by column


@dataclass(frozen=True)
class Head:
    text: str
    unit: str = ""
    numeric: bool = False
    first: str = "ascending"  # order of the first click
    sorted: str = ""  # the order the table comes in


@dataclass(frozen=True)
class Cell:
    text: str
    value: float | str | None = None  # sort key; "" keeps an empty cell last
    numeric: bool = False
    badge: str = ""


@dataclass(frozen=True)
class Row:
    cells: list[Cell]
    role: str = ""


@dataclass(frozen=True)
class Table:
    heads: list[Head]
    rows: list[Row]
    note: str = ""


def text_table(rows: Sequence[Mapping[str, str]], note: str = "") -> Table:
    """A table of texts: a row is a text by the head of its column, and all have the same heads."""
    heads = list(rows[0]) if rows else []
    return Table([Head(head) for head in heads], [Row([Cell(row[head]) for head in heads]) for row in rows], note)


def with_error(row: Record | pd.Series, quantity: Quantity) -> str:
    """ "7.31 ± 0.02": a quantity of a row in its shown unit, with its error where there is one."""
    value = row[quantity.column]
    if pd.isna(value):
        return MISSING
    error = row.get(quantity.error_column) if quantity.error_column else None
    half = None if error is None or pd.isna(error) else float(error) * quantity.factor
    return format_positive(float(value) * quantity.factor, half)


def quantity_cell(row: Record, quantity: Quantity) -> Cell:
    return Cell(with_error(row, quantity), sort_key(row[quantity.column]), numeric=True)


def change_cell(row: Record) -> Cell:
    """The change of accuracy against the baseline, in points."""
    value = row["accuracy_difference"]
    return Cell(MISSING if pd.isna(value) else points_change(value, row["examples"]), sort_key(value), numeric=True)


def saving_cell(row: Record, repeated: bool = True) -> Cell:
    """The baseline's energy over this one's with its 95 % interval, or that one trial is all that is known. `repeated`:
    the baseline was."""
    value = row["energy_ratio"]
    if pd.isna(value):
        return Cell(MISSING, "", True)
    limits = row["energy_ratio_low"], row["energy_ratio_high"]
    if repeated and row["n_trials"] > 1:
        return Cell(format_factor(value, *limits), value, True)
    return Cell(f"{format_interval(value, *limits).split(' (')[0]}, {ONE_TRIAL}", value, True)


def sort_key(value: Any) -> Any:
    return "" if pd.isna(value) else value
