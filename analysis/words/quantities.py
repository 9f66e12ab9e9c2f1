"""Columns as they are shown: label, unit, and the factor from the column's unit to the shown one."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.findings.slices import score_column
from search_spaces.objectives import OBJECTIVES


@dataclass(frozen=True)
class Quantity:
    """A column as it is drawn: axis label, factor from the column's unit to the drawn one, direction."""

    column: str
    label: str
    factor: float = 1.0
    better: str = "min"
    error_column: str | None = None

    @property
    def unit(self) -> str:
        """ "mJ/example" of "Energy (mJ/example)"."""
        return self.label[self.label.index("(") + 1 : -1] if "(" in self.label else ""


LATENCY = Quantity("latency_ms_per_example", "Latency (ms/example)", error_column="latency_ms_per_example_ci95")


def score_quantity(table: pd.DataFrame) -> Quantity | None:
    """What the task is scored by: the first score that it has; None where all are null."""
    column = score_column(table)
    if column is None:
        return None
    word = OBJECTIVES[column].word
    return Quantity(column, f"{word[0].upper()}{word[1:]} (%)", 100.0, "max")


def energy_quantity(table: pd.DataFrame) -> Quantity:
    """Energy in J or mJ per example: one unit for the whole report, chosen by the cheapest configuration."""
    cheapest = table["energy_j_per_example"].min()
    unit, factor = ("mJ", 1e3) if cheapest < 0.2 else ("J", 1.0)
    word = "Estimated energy" if bool(table["estimated"].any()) else "Energy"
    return Quantity(
        "energy_j_per_example", f"{word} ({unit}/example)", factor, error_column="energy_j_per_example_ci95"
    )
