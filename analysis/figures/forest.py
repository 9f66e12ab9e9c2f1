"""Differences with their intervals, one below the other."""

from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.style import INK, finish, new_figure, precision_style, styled
from analysis.figures.style import title as set_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def forest(values: pd.DataFrame, *, x_label: str, title: str, subtitle: str = "", estimated: bool = False) -> "Figure":
    """Differences from zero with 95 % intervals as horizontal bars, grouped by precision.

    Args:
        values: `label`, `x`, `low`, `high` (null: no interval), `series` (precision), in the order from above.
    Raises:
        ValueError: no value to draw.
    """
    values = values.dropna(subset=["x"]).reset_index(drop=True)
    if values.empty:
        raise ValueError("no value to draw")
    with styled():
        figure, axes = new_figure(height_in=1.0 + 0.22 * len(values))
        gap = (values["series"] != values["series"].shift()).cumsum() - 1
        y = -(values.index.to_numpy() + 0.6 * gap.to_numpy())
        for name in values["series"].unique():
            color, marker = precision_style(name)
            own = values["series"] == name
            part, at = values[own], y[own]
            known = part[["low", "high"]].notna().all(axis=1)
            axes.hlines(at[known], part.loc[known, "low"], part.loc[known, "high"], color=color, lw=1.2, alpha=0.7)
            axes.plot(part["x"], at, ls="none", marker=marker, ms=4.5, color=color, mec="white", mew=0.4, label=name)
        axes.set_yticks(y, values["label"])
        axes.set_ylim(y.min() - 0.7, 0.7)
        axes.grid(visible=False, axis="y")
        reach = 1.1 * max(1.0, *values[["x", "low", "high"]].abs().max().dropna())
        axes.set_xlim(-reach, reach)
        axes.axvline(0, color=INK, lw=0.8, alpha=0.6, zorder=1.5)
        axes.set_xlabel(x_label)
        set_title(figure, title, subtitle)
        finish(figure, axes.get_legend_handles_labels(), estimated)
    return figure
