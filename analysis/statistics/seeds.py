"""What the seed of the fine-tuning changes: the values of each seed, and the spread between seeds and within one.

Between seeds the weights differ; within a seed the same weights were measured again. The two are never mixed: the
first says what another fine-tuning might give, the second how well a number repeats. Weights of one seed that are not
the same, since it was fine-tuned twice, count as those of two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def weights_columns(rows: pd.DataFrame) -> list[str]:
    """The columns that tell fine-tunings of one recipe apart."""
    return [name for name in ("seed", "weights_digest") if name in rows]


def per_seed(rows: pd.DataFrame, keys: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """The mean of the values over the trials of each seed: one row per group of `keys` and seed."""
    groups = rows.groupby([*keys, *weights_columns(rows)], dropna=False, sort=False, observed=True)
    return groups[list(values)].mean().reset_index()


def seed_mean(rows: pd.DataFrame, keys: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """The mean over seeds of their means, indexed by `keys`: each seed counts once, however often it was measured."""
    if _single(rows, keys):
        return rows[[*keys, *values]].set_index(list(keys)).astype(float)
    return (
        per_seed(rows, keys, values).groupby(list(keys), dropna=False, sort=False, observed=True)[list(values)].mean()
    )


def seed_spread(rows: pd.DataFrame, keys: Sequence[str], value: str, relative: bool = False) -> pd.DataFrame:
    """Standard deviation of a column per group of `keys`: `between` the means of seeds, and `within` a seed.

    `within` is pooled over the seeds' replicates. Null where there is one seed, or nothing was repeated.
    `relative`: as a fraction of the group's mean.
    """
    if _single(rows, keys):
        return pd.DataFrame(np.nan, rows[list(keys)].set_index(list(keys)).index, ["between", "within"])
    seeds = rows.groupby([*keys, *weights_columns(rows)], dropna=False, sort=False, observed=True)[value]
    one = pd.DataFrame({"mean": seeds.mean(), "ss": seeds.var(ddof=0) * seeds.count(), "n": seeds.count()})
    again = one.groupby(level=list(keys), dropna=False, sort=False, observed=True)
    freedom = again["n"].sum() - (one["n"] > 0).groupby(level=list(keys), dropna=False, sort=False).sum()
    found = pd.DataFrame(
        {"between": again["mean"].std(ddof=1), "within": np.sqrt(again["ss"].sum() / freedom.where(freedom > 0))}
    )
    return found.div(again["mean"].mean(), axis=0) if relative else found


def _single(rows: pd.DataFrame, keys: Sequence[str]) -> bool:
    """Every group has one row: its values are the means, which pandas takes milliseconds to find out."""
    return not rows.duplicated(list(keys)).any()
