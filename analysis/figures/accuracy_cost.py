"""Accuracy against energy, and against latency, slice by slice: how far cost falls while accuracy is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.page_figure import Drawing, NotShown, PageFigure
from analysis.figures.points import points, seed_points
from analysis.figures.slices import Slice, all_title, paper_slices
from analysis.figures.tradeoff import tradeoff
from analysis.findings.assessment import Assessment
from analysis.findings.verdict import NOT_WORSE
from analysis.words.configuration import describe
from analysis.words.confirmation import trials_words
from analysis.words.quantities import LATENCY, Quantity, energy_quantity, score_quantity
from analysis.words.rounding import points_word, times
from search_spaces.axes import AXES

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class _Cost:
    """What accuracy is plotted against: a quantity, and how it is told."""

    quantity: Quantity
    name: str  # in file names
    title: str  # "Accuracy against latency"
    word: str  # "3× less time"
    lower: str  # "nothing faster"
    lowest: str  # "fastest kept"


def make(assessment: Assessment, anchors: pd.DataFrame) -> Iterator[Drawing | NotShown]:
    """Two pictures per slice."""
    table = assessment.table
    slices, missing = paper_slices(table, assessment.baseline)
    yield from (NotShown(reason) for reason in missing)
    score = score_quantity(table)
    if score is None:
        yield NotShown("Accuracy is null in every row, so nothing is plotted against it.")
        return
    estimate = "est. " if assessment.estimated else ""
    energy = _Cost(energy_quantity(table), "energy", f"{estimate}energy", f"{estimate}energy", "cheaper", "cheapest")
    latency = _Cost(LATENCY, "latency", "latency", "time", "faster", "fastest")
    for part in slices or [Slice("all", all_title(table), (), table)]:
        yield _drawing(assessment, part, energy, score, in_markdown=part.name in ("all", "models"))
        yield _drawing(assessment, part, latency, score, in_markdown=False)


def _drawing(assessment: Assessment, part: Slice, cost: _Cost, score: Quantity, in_markdown: bool) -> Drawing:
    baseline = assessment.baseline
    kept = cheapest_kept(part.table, baseline, cost.quantity.column)
    title = _title(baseline, part, cost, score, kept)

    def drawn() -> Figure:
        return tradeoff(
            points(part.table, cost.quantity, score, part.axes, baseline, kept, part.series),
            x_label=cost.quantity.label,
            y_label=score.label,
            title=title,
            subtitle=part.title,
            band=_band(assessment, score),
            kept_note=f"{cost.lowest} kept",
            faint=seed_points(assessment.clean, part.table, cost.quantity, score, part.series),
            order=part.order,
            estimated=assessment.estimated,
        )

    name = f"accuracy_{cost.name}_{part.name}"
    return Drawing(name, f"{part.title}: {title}", drawn, in_markdown=in_markdown)


def cheapest_kept(part: pd.DataFrame, baseline: pd.Series, column: str) -> pd.Series | None:
    """The row with the lowest `column` of those not worse than the baseline, corrected for all that was compared as
    the choice is, and below it; or None."""
    if "verdict_among_many" not in part:
        return None
    kept = part[(part["verdict_among_many"] == NOT_WORSE) & (part[column] < baseline[column])]
    return None if kept.empty else kept.loc[kept[column].idxmin()]


def _title(baseline: pd.Series, part: Slice, cost: _Cost, score: Quantity, kept: pd.Series | None) -> str:
    name, column = score.column.replace("_", " "), cost.quantity.column
    if kept is not None:
        saved = times(float(baseline[column]) / float(kept[column]))
        words = describe(kept, part.axes or AXES, short=len(part.axes) > 2)
        known = trials_words(min(baseline["n_trials"], kept["n_trials"]))
        return f"{words}: {saved} less {cost.word} ({known}), {name} kept"
    if "verdict_among_many" not in part.table or len(part.table) < 2:
        return f"{name[0].upper()}{name[1:]} against {cost.title}"
    return f"Nothing {cost.lower} is known to keep {name}"


def _band(assessment: Assessment, score: Quantity) -> tuple[float, str] | None:
    """The level above which the score counts as kept."""
    level = assessment.baseline[score.column]
    if pd.isna(level):
        return None
    return 100 * (float(level) - assessment.tolerance), f"−{points_word(assessment.tolerance)}"


FIGURE = PageFigure("accuracy_cost", "frontiers", make)
