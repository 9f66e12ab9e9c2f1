"""Rows whose windows were shorter than the sensor needs, kept on request: a published table may hold nothing else.

Their flag becomes another one, under which energies count. Only what a command computes with sees it: tables are
written as they were read.
"""

from __future__ import annotations

import pandas as pd

from trainables.rows.flags import SHORT_WINDOW, SHORT_WINDOW_KEPT, normal_flags, split_flags


def with_short_windows(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, those flagged short_window flagged short_window_kept instead."""
    swapped = {
        flags: normal_flags(";".join((split_flags(flags) - {SHORT_WINDOW}) | {SHORT_WINDOW_KEPT}))
        for flags in rows["flags"].unique()
        if SHORT_WINDOW in split_flags(flags)
    }
    return rows.assign(flags=rows["flags"].replace(swapped)) if swapped else rows


def kept_short(rows: pd.DataFrame) -> int:
    """How many of the rows were kept so."""
    short = [flags for flags in rows["flags"].unique() if SHORT_WINDOW_KEPT in split_flags(flags)]
    return int(rows["flags"].isin(short).sum())
