"""The same load measured again and again: does the card's energy move while the sweep runs?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import CannotAnswer
from analysis.figures.page_figure import Drawing, PageFigure
from analysis.figures.style import BLUE, GREEN, INK, ORANGE, PURPLE, VERMILLION, finish, new_figure, styled
from analysis.figures.style import title as set_title
from analysis.findings.assessment import Assessment
from analysis.rows.cards import card_factors, short_uuid
from analysis.words.rounding import format_percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)
_NEEDED = ("started_at", "gpu_uuid", "energy_j_per_example")


def make(assessment: Assessment, anchors: pd.DataFrame) -> Iterator[Drawing]:
    if anchors.empty:
        return
    title = "Anchor drift"
    factors = card_factors(anchors)
    if len(factors):
        title = f"Anchors stay within {format_percent(100 * factors['drift'].max())} of their card's median"

    def drawn() -> Figure:
        missing = [c for c in _NEEDED if c not in anchors]
        if missing:
            raise CannotAnswer(f"anchors.csv lacks the column {' and '.join(missing)}.")
        return draw(
            anchors, title=title, subtitle="One fixed load, measured through the run", estimated=assessment.estimated
        )

    caption = "The same load measured again and again through the run, against its card's median."
    yield Drawing("anchor_drift", title, drawn, caption)


def draw(anchors: pd.DataFrame, *, title: str, subtitle: str = "", estimated: bool = False) -> Figure:
    """Energy of each anchor relative to its card's median, in percent, over the minutes of the run.

    Args:
        anchors: `started_at` (s), `gpu_uuid`, `energy_j_per_example`; optionally
            `energy_j_per_example_ci95`. Rows without time or energy are left out.
    Raises:
        ValueError: no row has both a time and an energy.
    """
    anchors = anchors.dropna(subset=["started_at", "energy_j_per_example"])
    if anchors.empty:
        raise ValueError("no anchor has both a time and an energy")
    start = float(anchors["started_at"].min())
    with styled():
        figure, axes = new_figure(height_in=2.1)
        axes.axhline(0, color=INK, lw=0.8, alpha=0.6, zorder=1.5)
        cards = anchors["gpu_uuid"].fillna("no card").astype(str)
        for index, (card, rows) in enumerate(anchors.groupby(cards)):
            rows = rows.sort_values("started_at")
            median = float(rows["energy_j_per_example"].median())
            minutes = (rows["started_at"] - start) / 60
            percent = (rows["energy_j_per_example"] / median - 1) * 100
            error = np.zeros(len(rows))
            if "energy_j_per_example_ci95" in rows:
                error = rows["energy_j_per_example_ci95"].fillna(0).to_numpy(float) / median * 100
            color = _COLORS[index % len(_COLORS)]
            axes.errorbar(
                minutes,
                percent,
                yerr=error,
                color=color,
                marker="o",
                ms=4,
                mec="white",
                mew=0.4,
                lw=0.9,
                elinewidth=0.7,
                label=short_uuid(str(card)),
            )
        axes.set_xlabel("Minutes since the first anchor")
        axes.set_ylabel("Energy against the\ncard's median (%)")
        low, high = axes.get_ylim()
        reach = max(abs(low), abs(high), 1.0)  # a flat line must look flat: never less than 1 % either way
        axes.set_ylim(-reach * 1.1, reach * 1.1)
        set_title(figure, title, subtitle)
        finish(figure, axes.get_legend_handles_labels(), estimated)
    return figure


FIGURE = PageFigure("anchor_drift", "card", make)
