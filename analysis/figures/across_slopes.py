"""The energy of one more token, each task against the mean of all: what should be one number per setting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.figures.page_figure import Drawing, PageFigure
from analysis.figures.panel_points import energy_word
from analysis.figures.style import INK, finish, new_figure, precision_style, styled
from analysis.figures.style import title as set_title
from analysis.findings.comparison import Comparison
from analysis.words.across import listed, setting_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = "Slope of the fitted lines over the tasks' mean at that precision, 95 % (HC3); values in the table."
COLUMNS = ["label", "series", "x", "low", "high"]


def make(comparison: Comparison) -> Iterator[Drawing]:
    c = comparison
    if not c.per_token:
        return
    at = {f"{p.at_tokens:.0f}" for p in c.per_token if p.at_tokens}
    title = f"One more token{f' at {listed(sorted(at))}' if at else ''}: each task against the mean of all"

    def drawn() -> Figure:
        label = f"{energy_word(c)} of one more token, difference (%)"
        return draw(_differences(c), x_label=label, title=title, estimated=c.estimated)

    yield Drawing("across_slopes", title, drawn, CAPTION, in_markdown=True)


def _differences(c: Comparison) -> pd.DataFrame:
    """`COLUMNS` in percent of the tasks' mean, a row per setting and task; none where the mean is not above zero."""
    rows = []
    for part in c.per_token:
        slopes = {line.task: line.marginal(part.at_tokens or 0.0) for line in part.lines}
        mean = float(np.mean([value.value for value in slopes.values()]))
        rows += [
            {
                "label": f"{task}, {setting_words(part, c)}",
                "series": part.setting["precision"],
                "x": 100 * (value.value / mean - 1),
                "low": 100 * (value.low / mean - 1),
                "high": 100 * (value.high / mean - 1),
            }
            for task, value in slopes.items()
            if mean > 0
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def draw(values: pd.DataFrame, *, x_label: str, title: str, subtitle: str = "", estimated: bool = False) -> Figure:
    """A forest plot: differences from zero with 95 % intervals as horizontal bars, grouped by precision.

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


FIGURE = PageFigure("across_slopes", "per_token", make)
