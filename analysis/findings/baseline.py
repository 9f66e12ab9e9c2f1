"""The configuration that all others are compared with."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.findings.configurations import labels, usable
from analysis.findings.slices import same_as
from search_spaces.axes import AXES
from search_spaces.errors import UsageError, check

LONGEST_REASON = 160  # characters of why a baseline is lost


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


def lost_baseline(
    rows: pd.DataFrame, wanted: Mapping[str, Any] | None = None, planned: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Why the configuration that would be the baseline is not there, in a sentence; "" where it is. `rows`: trials of
    one comparison, those that failed among them. `wanted`: as `find_baseline`. `planned`: the configurations that runs
    were to compare with, which may have no trial at all."""
    axes = [name for name in AXES if name in rows]
    asked = rows[rows["status"] != "pruned"].dropna(subset=["precision", "max_seq_len"])
    if asked.empty:
        return ""
    columns = [*axes, *(a.place for a in AXES.values() if a.place in asked and asked[a.place].notna().any())]
    candidates = asked[columns].drop_duplicates(axes)
    if planned:  # the first model's
        to_come = pd.DataFrame([{axis.place: 0 for axis in AXES.values()} | dict(own) for own in planned])
        candidates = pd.concat([candidates, to_come.reindex(columns=columns)])
    candidates = candidates.reset_index(drop=True)
    best = find_baseline(candidates, wanted)
    own = same_as(asked, candidates.loc[best], axes)
    clean, excluded = usable(own)
    if len(clean):
        return ""
    name = labels(candidates[axes])[best]
    if own.empty:
        return f"the baseline ({name}) has no trial here"
    again = "; try --retry-failed" if not (own["status"] == "ok").all() else ""
    reason = textwrap.shorten(excluded["reason"].iloc[0], LONGEST_REASON, placeholder="...")
    return f"the baseline ({name}) has no valid measurement ({reason}){again}"


def model_wanted(rows: pd.DataFrame, name: str) -> dict[str, str]:
    """The baseline of a model that is named in full or by its short name, as `find_baseline` takes it. UsageError where
    no row is of it."""
    short = AXES["model"].short
    measured = [str(model) for model in rows["model"].dropna().unique()] if "model" in rows else []
    found = [model for model in measured if name in (model, short(model))]
    check(
        len(found) == 1,
        f"the baseline's model must be one that was measured ({', '.join(measured) or 'these rows name none'})",
        name,
        "give one of them",
    )
    return {"model": found[0]}
