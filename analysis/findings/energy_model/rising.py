"""Where energy rises although the work falls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.findings.energy_model.terms import inputs_of
from analysis.statistics.intervals import ratios
from search_spaces.axes import reducing_axes

SURE_WITHOUT_INTERVAL = 1.02  # a ratio that counts as a rise where no interval is known


@dataclass(frozen=True)
class Rise:
    """Two neighbours on one axis, of which the one with less work costs more."""

    precision: str
    axis: str
    less: int  # the neighbours' values on the axis
    more: int
    fixed: dict[str, int]  # the other axes with less work
    ratio: float  # energy of the one with less work over that of the other
    inputs_less: float  # model inputs per example of each
    inputs_more: float


def rises(table: pd.DataFrame) -> tuple[Rise, ...]:
    """Neighbours in a table of `configurations` of which the one with less work costs more, beyond the interval of
    their ratio; the largest rise first."""
    found: list[Rise] = []
    for axis in reducing_axes():
        fixed = [a for a in reducing_axes() if a != axis]
        ordered = table.sort_values(["precision", *fixed, axis])
        less, more = ordered.iloc[:-1], ordered.iloc[1:]
        same = (less[["precision", *fixed]].to_numpy() == more[["precision", *fixed]].to_numpy()).all(axis=1)
        value, low, _ = ratios(less, more)
        beyond = np.where(np.isfinite(low), low > 1, value > SURE_WITHOUT_INTERVAL)
        inputs_less, inputs_more = inputs_of(less), inputs_of(more)
        found += [
            Rise(
                precision=str(less["precision"].iloc[i]),
                axis=axis,
                less=int(less[axis].iloc[i]),
                more=int(more[axis].iloc[i]),
                fixed={a: int(less[a].iloc[i]) for a in fixed},
                ratio=float(value[i]),
                inputs_less=float(inputs_less[i]),
                inputs_more=float(inputs_more[i]),
            )
            for i in np.flatnonzero(same & beyond)
        ]
    return tuple(sorted(found, key=lambda rise: -rise.ratio))
