"""All trials of a comparison, those without a measurement among them."""

from __future__ import annotations

import pandas as pd

from analysis.findings.configurations import OF_A_MODEL, TOGETHER


def trials_of(clean: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Those of `rows` that belong to the comparison of which `clean` are the valid trials."""
    own, swept = rows, _swept_beside(clean, rows)
    for column in TOGETHER:
        if column in own:  # a failed trial may not know its card
            known = clean[column].dropna().unique()
            same = own[column].isna() | own[column].isin(known)
            if column in OF_A_MODEL:
                same |= swept[own.index]
            own = own[same] if len(known) else own
    return own


def _swept_beside(clean: pd.DataFrame, rows: pd.DataFrame) -> pd.Series[bool]:
    """Which trials without a measurement are of the other models of the comparison's sweeps: all of a model's may have
    failed."""
    if not {"model_place", "run"} <= set(rows) & set(clean):
        return pd.Series(data=False, index=rows.index)
    runs = clean.loc[clean["model_place"].notna(), "run"].unique()
    found: pd.Series[bool] = rows["model_place"].notna() & rows["run"].isin(runs) & (rows["status"] != "ok")
    return found
