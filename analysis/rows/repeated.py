"""Rows given more than once (a backup, a run folder and its own table, lines pasted twice): each counts once.

A trial's id names a configuration and its replicate, so runs share ids; when and where a trial began tells measurements
apart. Rows of one id that agree are one measurement. Rows of one id that began at one time on one device, and differ,
cannot both have been measured: nobody can say which was, so that is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from search_spaces.axes import AXES
from search_spaces.errors import UsageError
from trainables.rows.columns import COLUMNS

# A table that went through another program keeps fewer digits. Few columns may agree so by chance, many do not.
EXACTLY, ROUNDED, MANY = 1e-9, 1e-4, 8
SAME_TIME_S = 1e-3
_NUMBERS = tuple(name for name, column in COLUMNS.items() if column.kind == "float" and name != "started_at")
_WHOLE = tuple(name for name, column in COLUMNS.items() if column.kind == "int")
# The others are written by Ray, or say in words what the numbers say.
_TEXTS = (
    *("task", "model", "weights_digest", "recipe_digest", "data_digest", "status", "error", "correct_bits"),
    *("energy_source", "gpu_name", "gpu_uuid", "flags"),
)


def without_repeats(rows: pd.DataFrame, named: Sequence[bool]) -> tuple[pd.DataFrame, list[str]]:
    """Each measurement once, the first that is given of it, and notes of what was left out or may be the same.

    `rows`: of `analysis.rows.load`. `named`: whether the table of a row named its trial; a row without a name is
    another's repeat only where all their cells are equal. UsageError where rows are one measurement with two results.
    """
    known = np.asarray(named, dtype=bool)
    twin = np.full(len(rows), -1)  # the row that a row repeats
    apart = 0
    table = _Table(rows)
    for members in rows[known].groupby("trial_id", sort=False).indices.values():
        if len(members) > 1:
            places = np.flatnonzero(known)[members]
            kept = [places[0]]
            for j in places[1:]:
                same = [i for i in kept if table.agree(i, j)]
                if same:
                    twin[j] = same[0]
                    continue
                apart += any(table.may_be_one(i, j) for i in kept)
                kept.append(j)
    unnamed = rows[~known]
    if len(unnamed):
        cells = unnamed.drop(columns=["trial_id", "run"]).astype(object)
        first = cells.groupby(list(cells.columns), dropna=False, sort=False)["task"].transform(lambda c: c.index[0])
        repeats = first.to_numpy() != unnamed.index.to_numpy()
        twin[unnamed.index[repeats]] = first[repeats]
    notes = _notes(rows, twin)
    if apart:
        notes.append(
            f"{apart} rows have the name of another and other numbers, and do not say when their trial began: "
            "each counts as a measurement of its own"
        )
    repeated = twin >= 0
    return (rows[~repeated].reset_index(drop=True) if repeated.any() else rows), notes


def _notes(rows: pd.DataFrame, twin: np.ndarray) -> list[str]:
    runs = rows["run"].astype(object).to_numpy()
    counts = Counter((runs[j], runs[i]) for j, i in enumerate(twin) if i >= 0)
    notes = []
    for (again, first), n in counts.items():
        where = first if first == again else f"{first} and in {again}"
        notes.append(f"{n} {'row is' if n == 1 else 'rows are'} given twice, in {where}: each counts once")
    return notes


class _Table:
    """The cells that tell measurements apart, as arrays."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.runs = rows["run"].astype(object).to_numpy()
        self.trials = rows["trial_id"].astype(object).to_numpy()
        self.began = rows["started_at"].to_numpy(dtype=float, na_value=np.nan)
        self.numbers = rows[[*_NUMBERS, *_WHOLE]].to_numpy(dtype=float, na_value=np.nan)
        texts = [n for n, c in COLUMNS.items() if c.kind == "str" and (n in _TEXTS or n in AXES)]
        self.names = [*_NUMBERS, *_WHOLE, *texts]
        cells = rows[texts].astype(object)
        self.texts = cells.where(cells.notna(), None).to_numpy()
        self.ok = (rows["status"] == "ok").to_numpy()
        devices = rows[["gpu_uuid", "gpu_name"]].astype(object)  # a CPU has a name alone
        self.devices = devices.where(devices.notna(), None).to_numpy()

    def difference(self, i: int, j: int) -> str:
        """The first column in which two rows differ, of those that both know; "" where there is none."""
        a, b = self.numbers[i], self.numbers[j]
        both = np.isfinite(a) & np.isfinite(b)
        tolerance = ROUNDED if both[: len(_NUMBERS)].sum() >= MANY else EXACTLY
        unlike = both & (np.abs(a - b) > tolerance * np.maximum(np.abs(a), np.abs(b)))
        words = [x is not None and y is not None and x != y for x, y in zip(self.texts[i], self.texts[j], strict=True)]
        return next((name for name, other in zip(self.names, [*unlike, *words], strict=True) if other), "")

    def agree(self, i: int, j: int) -> bool:
        """Are they one measurement? UsageError where they must be, and differ."""
        name = self.difference(i, j)
        if not name:
            return not abs(self.began[i] - self.began[j]) > ROUNDED * self.began[i]
        if self._one_start(i, j):
            raise UsageError(
                f"a trial must have one result, but {self.trials[i]} began once and has another {name} in "
                f"{self.runs[i]} (row {i}) than in {self.runs[j]} (row {j}, counted over all that was given): one "
                "was changed; leave that out"
            )
        return False

    def _one_start(self, i: int, j: int) -> bool:
        both = zip(self.devices[i], self.devices[j], strict=True)
        here = all(a is None or b is None or a == b for a, b in both)
        return here and bool(self.ok[i] and self.ok[j] and abs(self.began[i] - self.began[j]) <= SAME_TIME_S)

    def may_be_one(self, i: int, j: int) -> bool:
        """Measured both, and one does not say when."""
        return bool(self.ok[i] and self.ok[j] and not np.isfinite(self.began[i] - self.began[j]))
