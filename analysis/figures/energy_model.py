"""A fitted energy model against what was measured, and what it leaves over."""

from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.style import INK, finish, new_figure, precision_style, styled
from analysis.figures.style import title as set_title
from analysis.figures.tradeoff import ordered_series

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def energy_model(
    data: pd.DataFrame,
    lines: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    title: str,
    subtitle: str = "",
    estimated: bool = False,
) -> "Figure":
    """Above, points and fitted lines; below, residuals in percent of the fitted value.

    Args:
        data: `x`, `y` (measured), `y_error` (half-width, null: none), `residual_percent`, `series`
            (precision).
        lines: `x`, `y` (fitted), `low`, `high` (95 % band, null: none), `series`; drawn in the order of x.
    Raises:
        ValueError: no point to draw.
    """
    data = data.dropna(subset=["x", "y"])
    if data.empty:
        raise ValueError("no point of the energy model to draw")
    with styled():
        figure, (top, bottom) = new_figure(height_in=3.3, rows=2, sharex=True, height_ratios=[2.2, 1])
        bottom.axhline(0, color=INK, lw=0.8, alpha=0.6, zorder=1.5)
        for name in ordered_series(data["series"]):
            color, marker = precision_style(name)
            rows = data[data["series"] == name]
            line = lines[lines["series"] == name].sort_values("x")
            if line[["low", "high"]].notna().all(axis=None):
                top.fill_between(line["x"], line["low"], line["high"], color=color, alpha=0.15, lw=0)
            top.plot(line["x"], line["y"], color=color, lw=1.0)
            top.errorbar(
                rows["x"],
                rows["y"],
                yerr=rows["y_error"].fillna(0),
                ls="none",
                marker=marker,
                ms=3.5,
                color=color,
                mec="white",
                mew=0.4,
                elinewidth=0.7,
                label=name,
            )
            bottom.plot(
                rows["x"], rows["residual_percent"], ls="none", marker=marker, ms=3.5, color=color, mec="white", mew=0.4
            )
        top.set_ylim(bottom=min(0.0, float(data["y"].min())))
        top.set_xlim(left=0)
        top.set_ylabel(y_label)
        reach = max(float(data["residual_percent"].abs().max()), 1.0) * 1.2
        bottom.set_ylim(-reach, reach)
        bottom.set_ylabel("Residual (%)")
        bottom.set_xlabel(x_label)
        set_title(figure, title, subtitle)
        finish(figure, top.get_legend_handles_labels(), estimated)
    return figure
