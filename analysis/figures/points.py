"""Configurations as the points of a trade-off figure: position, error bars, label, whether on the frontier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.findings.pareto import pareto_set
from analysis.findings.plain import plain
from analysis.findings.slices import same_as
from analysis.statistics.proportions import wilson
from analysis.statistics.seeds import per_seed
from analysis.words.quantities import Quantity
from search_spaces.axes import AXES, other_axes
from search_spaces.objectives import OBJECTIVES

# x, y in the units of the axis labels; x_error a half-width; y_low and y_high the ends of an interval (null:
# none); series the precision or the model; label what a frontier point is called; role "baseline", "recommended" or "".
POINT_COLUMNS = ("x", "y", "x_error", "y_low", "y_high", "series", "label", "on_front", "role")


def points(
    part: pd.DataFrame,
    x: Quantity,
    y: Quantity,
    axes: Sequence[str],
    baseline: pd.Series | None = None,
    recommended: pd.Series | None = None,
    series: str = "precision",
) -> pd.DataFrame:
    """`POINT_COLUMNS` of the rows, with the frontier of x and y among them. `axes`: those that a label names. `series`:
    the axis whose values are told by colour.

    Raises:
        CannotAnswer: no row has both quantities.
    """
    part = pareto_set(part, [y.column, x.column])
    frame = pd.DataFrame(index=part.index)
    frame["x"] = part[x.column].astype(float) * x.factor
    frame["y"] = part[y.column].astype(float) * y.factor
    frame["x_error"] = _errors(part, x)
    if y.column in OBJECTIVES and OBJECTIVES[y.column].of_examples:
        low, high = wilson(part[y.column].to_numpy(float), part["examples"].to_numpy(float))
        frame["y_low"], frame["y_high"] = low * y.factor, high * y.factor
    else:
        frame["y_low"], frame["y_high"] = frame["y"] - _errors(part, y), frame["y"] + _errors(part, y)
    frame["series"] = part[series].map(AXES[series].short).astype(str)
    frame["label"] = _labels(part, axes, baseline)
    frame["on_front"] = part["front"].astype(bool)
    frame["role"] = ""
    for row, role in ((recommended, "recommended"), (baseline, "baseline")):
        if row is not None:
            frame.loc[same_as(part, row, AXES).index, "role"] = role
    return frame


def seed_points(
    clean: pd.DataFrame, part: pd.DataFrame, x: Quantity, y: Quantity, series: str = "precision"
) -> pd.DataFrame | None:
    """`x`, `y`, `series` of every seed of the configurations in `part`; None where there is one seed only."""
    if len(clean["seed"].dropna().unique()) < 2:
        return None
    seeds = per_seed(clean, [a for a in AXES if a in clean], [x.column, y.column])
    seeds = seeds.merge(part[list(AXES)], on=list(AXES))
    return pd.DataFrame(
        {
            "x": seeds[x.column].astype(float) * x.factor,
            "y": seeds[y.column].astype(float) * y.factor,
            "series": seeds[series].map(AXES[series].short).astype(str),
        }
    )


def _labels(part: pd.DataFrame, axes: Sequence[str], baseline: pd.Series | None) -> list[str]:
    """What each row is called. Batch, padding and backend are named where they are not the baseline's, as labels must
    be short to fit; the model, of several, always."""
    pattern = "words" if len(axes) == 1 else "short_words"
    order = [a for a in AXES if a in (axes or ("precision",))]
    usual = {} if baseline is None or len(order) == 1 else {n: plain(baseline[n]) for n in other_axes() if n != "model"}
    return [
        " · ".join(AXES[a].spell(v, pattern) for a, v in zip(order, values, strict=True) if usual.get(a) != plain(v))
        for values in part[order].itertuples(index=False)
    ]


def _errors(part: pd.DataFrame, quantity: Quantity) -> pd.Series[float]:
    if quantity.error_column is None or quantity.error_column not in part:
        return pd.Series(np.nan, index=part.index)
    return part[quantity.error_column].astype(float) * quantity.factor
