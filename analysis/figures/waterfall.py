"""A saving as a waterfall: each step's bar runs from the energy before it to the energy after it."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.figures.style import GREEN, INK, MUTED, VERMILLION, finish, new_figure, plain_log_ticks, styled
from analysis.figures.style import title as set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def waterfall(
    steps: pd.DataFrame,
    *,
    x_label: str,
    title: str,
    subtitle: str = "",
    estimated: bool = False,
    ends_called: tuple[str, str] = ("baseline", "recommended"),
) -> "Figure":
    """Energy from the baseline (above) to the configuration (below), a row for each axis switched; log scale,
    so that equal factors are equally long.

    Args:
        steps: `label` ("fp32 → fp16"), `before` and `after` (drawn units), `note` ("3.7×"); in their order.
        ends_called: what the two grey bars are called.
    Raises:
        ValueError: no step to draw.
    """
    if steps.empty:
        raise ValueError("no step to draw")
    labels = [ends_called[0], *steps["label"], ends_called[1]]
    first, last = float(steps["before"].iloc[0]), float(steps["after"].iloc[-1])
    with styled():
        figure, axes = new_figure(height_in=0.9 + 0.26 * len(labels))
        axes.set_xscale("log")
        rows = np.arange(len(labels))
        ends = steps[["before", "after"]].to_numpy(dtype=float)
        least, most = float(ends.min()), float(ends.max())
        axes.set_xlim(least / 1.4, most * (most / least) ** 0.25)  # room for the last note
        left = axes.get_xlim()[0]
        for row, value in ((0, first), (rows[-1], last)):
            axes.barh(row, value - left, left=left, height=0.6, color=MUTED, alpha=0.55, lw=0)
        for i, step in enumerate(steps.itertuples(), start=1):
            before, after = float(step.before), float(step.after)  # type: ignore[arg-type]
            color = GREEN if after <= before else VERMILLION
            axes.barh(i, before - after, left=after, height=0.6, color=color, alpha=0.85, lw=0)
            axes.plot([before, before], [i - 0.7, i - 0.3], color=MUTED, lw=0.7)
            axes.plot([after, after], [i + 0.3, i + 0.7], color=MUTED, lw=0.7)
            _note(axes, max(before, after), i, str(step.note), bold=True)
        _note(axes, first, 0, f"{first:.3g}")
        _note(axes, last, int(rows[-1]), f"{last:.3g}")
        axes.set_yticks(rows, labels)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        plain_log_ticks(axes.xaxis, *axes.get_xlim())
        axes.set_xlabel(x_label)
        set_title(figure, title, subtitle)
        finish(figure, None, estimated)
    return figure


def _note(axes: "Axes", x: float, row: int, text: str, bold: bool = False) -> None:
    """A step's factor, or an energy, right of its bar."""
    axes.annotate(
        text,
        (x, row),
        xytext=(3, 0),
        textcoords="offset points",
        fontsize=7,
        fontweight="bold" if bold else "normal",
        color=INK,
        va="center",
    )
