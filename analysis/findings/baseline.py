"""The configuration that all others are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.findings.configurations import labels, usable
from search_spaces.axes import AXES
from search_spaces.errors import UsageError


def find_baseline(table: pd.DataFrame, wanted: Mapping[str, Any] | None = None) -> Any:
    """Index label of the baseline in a table of `configurations`.

    `wanted` fixes columns ({"precision": "fp32"}); among the rows that agree it is the one nearest to what a baseline
    prefers on each axis (`Axis.from_baseline`), the first axis first: the sweep's first model, fp32, longest, deepest,
    batch 64, max_length, eager. UsageError where a column is not in the table or no row has the value.
    """
    pool = table
    for column, value in (wanted or {}).items():
        if column not in table:
            raise UsageError(f"a baseline must be given by columns of the table, but got {column!r}; see --help")
        same = pool[column] == value
        if column in AXES:  # a model by its short name, too
            same |= pool[column].map(AXES[column].short, na_action="ignore") == value
        pool = pool[same]
        if pool.empty:
            raise UsageError(
                f"the baseline must be a measured configuration, but no clean row has {column} = {value!r}; "
                f"measured: {', '.join(map(str, sorted(table[column].dropna().unique())))}"
            )
    known = pool.astype(object).where(pool.notna(), None)
    order = pd.DataFrame(
        {
            name: pool[axis.place].astype(float) if axis.place in pool else known[name].map(axis.from_baseline)
            for name, axis in AXES.items()
            if name in pool
        }
    )
    return order.sort_values(list(order.columns), kind="stable").index[0]


def lost_baseline(rows: pd.DataFrame) -> str:
    """Why the configuration that would be the baseline is not there, in a sentence; "" where it is. `rows`: trials of
    one comparison, those that failed among them."""
    axes = [name for name in AXES if name in rows]
    asked = rows[rows["status"] != "pruned"].dropna(subset=["precision", "max_seq_len"])
    if asked.empty:
        return ""
    wanted = asked.loc[find_baseline(asked), axes]
    own = asked[[bool((row == wanted).all()) for _, row in asked[axes].iterrows()]]
    clean, excluded = usable(own)
    if len(clean):
        return ""
    name = labels(asked)[list(asked.index).index(own.index[0])]
    return f"the baseline ({name}) has no valid measurement ({excluded['reason'].iloc[0]}); try --retry-failed"
