"""Trials to choose by, and fresh trials of what was chosen: no table, fit or frontier takes both.

What is found among many noisy configurations came out low. So a saving is told from trials that were measured after the
choice (`analysis.findings.confirmation`), and these must not enter what the choice rests on.
"""

from __future__ import annotations

import pandas as pd

from search_spaces.trial_config import CONFIRM


def sweep_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """All rows but the fresh trials; `rows` of `analysis.rows.load`."""
    return rows[rows["purpose"] != CONFIRM] if "purpose" in rows else rows


def fresh_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The fresh trials alone."""
    return rows[rows["purpose"] == CONFIRM] if "purpose" in rows else rows.iloc[:0]
