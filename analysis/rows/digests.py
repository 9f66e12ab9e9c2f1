"""The digests of what rows measured, where rows lack them: an older version's rows, or another program's."""

from __future__ import annotations

from dataclasses import fields

import pandas as pd

from trainables.rows.digests import Digests

_NAMES = [field.name for field in fields(Digests)]


def complete_run(rows: pd.DataFrame) -> None:
    """Within a run folder rows are of one recipe and one data set, which every resume compares: what the later rows say
    holds for those that an older version wrote. In place; a seed's weights are those of its other rows."""
    for name in ("recipe_digest", "data_digest"):
        known = rows[name].dropna().unique()
        if len(known) == 1:
            rows[name] = rows[name].fillna(known[0])
    for _, own in rows.groupby("seed", dropna=False):
        known = own["weights_digest"].dropna().unique()
        if len(known) == 1:
            rows.loc[own.index, "weights_digest"] = known[0]


def undigested(rows: pd.DataFrame) -> str | None:
    """A remark where measured rows do not say which weights and data they are of; None where all do."""
    measured = rows[rows["status"] == "ok"]
    missing = int(measured[_NAMES].isna().any(axis=1).sum())
    if not missing:
        return None
    which = "the rows have" if missing == len(measured) else f"{missing} of {len(measured)} rows have"
    return (
        f"{which} no digests of weights, recipe and evaluation data (an older version wrote them, or another program): "
        "that rows of one model name are of one model and one data set is taken on trust"
    )
