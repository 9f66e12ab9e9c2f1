"""Tables of configurations to draw."""

import numpy as np
import pandas as pd

import analysis
from tests.make import runs as fabricated


def configurations(**settings: object) -> pd.DataFrame:
    clean, _ = analysis.valid(loaded(fabricated.table(**settings)))  # type: ignore[arg-type]
    return analysis.configurations(clean)


def loaded(rows: pd.DataFrame) -> pd.DataFrame:
    """As `analysis.rows.load` would give it."""
    rows = rows.copy()
    rows["latency_ms_per_example_ci95"] = np.nan
    rows[["flags", "error"]] = rows[["flags", "error"]].fillna("")
    return rows


def baseline(table: pd.DataFrame) -> pd.Series:
    best = (table["max_seq_len"] == table["max_seq_len"].max()) & (table["depth"] == table["depth"].max())
    return table[best & (table["precision"] == "fp32")].iloc[0]
