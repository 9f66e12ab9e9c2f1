"""Energy against latency: whether what is fast is also cheap, and at what mean power."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.page_figure import Drawing, PageFigure
from analysis.figures.points import points, seed_points
from analysis.figures.slices import all_title
from analysis.figures.tradeoff import tradeoff
from analysis.findings.assessment import Assessment
from analysis.words.quantities import LATENCY, energy_quantity
from search_spaces.axes import AXES

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def make(assessment: Assessment, anchors: pd.DataFrame) -> Iterator[Drawing]:
    table = assessment.table
    title = f"{'Estimated energy' if assessment.estimated else 'Energy'} {_power_words(table)}"
    caption = "Lower left is better in both."
    if assessment.estimated:
        caption += " Energy is estimated as watts × busy time, so the two are one quantity here."

    def drawn() -> Figure:
        energy, found = energy_quantity(table), assessment.recommendation.value
        varying = [a for a in AXES if len(set(table[a])) > 1]
        return tradeoff(
            points(table, energy, LATENCY, varying, assessment.baseline, None if found is None else found.choice),
            x_label=energy.label,
            y_label=LATENCY.label,
            title=title,
            subtitle=all_title(table),
            y_better="min",
            faint=seed_points(assessment.clean, table, energy, LATENCY),
            estimated=assessment.estimated,
        )

    yield Drawing("energy_latency", title, drawn, caption, in_markdown=True)


def _power_words(table: pd.DataFrame) -> str:
    """ "is latency × 380 to 640 W": what the configurations draw on average."""
    power = table["energy_j_per_example"] / table["latency_ms_per_example"] * 1e3
    if power.isna().all():
        return "against latency"
    low, high = (f"{value:.{2 if value < 100 else 3}g}" for value in (power.min(), power.max()))
    return f"is latency × {low} W" if low == high else f"is latency × {low} to {high} W"


FIGURE = PageFigure("energy_latency", "frontiers", make)
