"""Could a trial have written this row? Types, whole numbers, fractions, sizes: what is damaged is not read as good."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

from search_spaces.axes import published_axes
from trainables.rows.columns import ANCHOR, ANCHOR_NUMBERS, COLUMNS, TRACE, WINDOW_COLUMNS, WINDOW_TABLE, Column

LARGEST = 1e15  # of any number here; the largest that occur are UNIX times, near 2e9
ROUNDED = 5e-4  # an accuracy of three decimals is the same accuracy
NEEDED = ("task", *published_axes())  # of a measured row: without them it says nothing of anything


def number_rule(column: Column) -> str:
    """What a number of this column must be, in words: "a whole number of at least 1 (tokens)"."""
    kind = "a whole number" if column.kind == "int" else "a number"
    if column.unit == "fraction":
        return f"{kind} between 0 and 1"
    bound = " above 0" if column.positive else "" if column.least is None else f" of at least {column.least:g}"
    return f"{kind}{bound} ({column.unit or 'count'})"


def is_number(value: Any) -> bool:
    """A finite number of a possible size; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST


def is_text(value: Any) -> bool:
    """A string of real characters: JSON can hold halves of one, which no file can."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_null(value: Any) -> bool:
    """None, or NaN: how Ray writes a null among numbers."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def fits(column: Column, value: Any) -> bool:
    """May the value stand in the column?"""
    if is_null(value):
        return True
    if column.kind == "str":
        return is_text(value)
    if not is_number(value) or (column.kind == "int" and value != math.floor(value)):
        return False
    return column.possible(value)


def problem_of(row: Mapping[str, Any]) -> str:
    """What is wrong with a trial's stored row, its windows, trace or anchor; "" where nothing is."""
    for column in COLUMNS.values():
        value = row.get(column.name)
        if not fits(column, value):
            rule = number_rule(column) if column.kind != "str" else "text"
            return f"{column.name} must be {rule}, but is {shortened(value)}"
    lacking = [name for name in NEEDED if is_null(row.get(name))]
    if row.get("status") == "ok" and lacking:
        return f"a measured row must have a {lacking[0]}, but has none"
    if contradiction := bits_problem(row.get("correct_bits"), row.get("examples"), row.get("accuracy")):
        return contradiction
    if contradiction := bits_problem(row.get("fresh_correct_bits"), row.get("fresh_examples"), None):
        return f"fresh_{contradiction}"
    windows = row.get(WINDOW_TABLE)
    if windows is not None and not _is_window_table(windows):
        return f"{WINDOW_TABLE} must be lists of {len(WINDOW_COLUMNS)} numbers, but is {shortened(windows)}"
    if row.get(TRACE) is not None and not is_text(row[TRACE]):
        return f"{TRACE} must be text, but is {shortened(row[TRACE])}"
    anchor = row.get(ANCHOR)
    if anchor is not None and not _is_anchor(anchor):
        return f"{ANCHOR} must hold the numbers {', '.join(ANCHOR_NUMBERS)}, but is {shortened(anchor)}"
    return ""


def bits_problem(bits: Any, examples: Any, accuracy: Any) -> str:
    """How a row's correct_bits contradict its number of examples or its accuracy; "" where they do not, or where one of
    them is null."""
    if is_null(bits) or is_null(examples):
        return ""
    try:
        packed = base64.b64decode(bits, validate=True)
    except ValueError:
        return f"correct_bits must be base64, but are {shortened(bits)}"
    if len(packed) != -(-int(examples) // 8):
        return f"correct_bits must hold {examples:g} examples, but hold {len(packed)} bytes"
    right = (int.from_bytes(packed, "big") >> 8 * len(packed) - int(examples)).bit_count()
    if not is_null(accuracy) and abs(right / examples - accuracy) > ROUNDED:
        return f"accuracy must be that of correct_bits, {right} of {examples:g}, but is {accuracy:g}"
    return ""


def _is_window_table(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(w, list)
        and len(w) == len(WINDOW_COLUMNS)
        and all(is_number(v) or is_null(v) for v in w)
        and is_number(w[1])
        and is_number(w[2])
        and w[1] > 0  # duration
        and w[2] > 0  # passes
        for w in value
    )


def _is_anchor(value: Any) -> bool:
    return isinstance(value, dict) and all(
        is_null(v) or (is_number(v) if k in ANCHOR_NUMBERS else is_text(v) or is_number(v)) for k, v in value.items()
    )


def shortened(value: Any) -> str:
    """A value as an error message shows it."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
