"""The recommendation as a page shows it: one line, tiles, sentences, what else could be done."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.findings.plain import plain
from analysis.findings.recommend import Recommendation
from analysis.findings.verdict import NOT_WORSE
from analysis.report.cells import Table, with_error
from analysis.report.configuration_table import neighbour_table
from analysis.report.method import SHORT_INTERVALS
from analysis.statistics.intervals import Ratio
from analysis.words import payback
from analysis.words.configuration import describe
from analysis.words.quantities import LATENCY, Quantity, energy_quantity, score_quantity
from analysis.words.recommendation import code, sentences
from analysis.words.rounding import MISSING, format_interval, points_change, times
from search_spaces.axes import AXES
from search_spaces.errors import UsageError


@dataclass(frozen=True)
class Tile:
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Answer:
    """The recommendation in the order it is read. `choice` is empty where nothing cheaper passes; `scored` is False
    where no accuracy is known."""

    choice: str
    scored: bool
    baseline: str
    saving: str
    badge: str
    badge_class: str
    tiles: list[Tile]
    sentences: list[str]
    single_axis: Table | None
    runners_up: Table | None
    snippet: str


def answer(assessment: Assessment, r: Recommendation, last: str = "") -> Answer:
    """The recommendation in words, tiles and tables. `last`: a sentence to end on."""
    told = [a for a, axis in AXES.items() if axis.published or plain(r.reference[a]) != plain(r.baseline[a])]
    badge, badge_class = _badge(r)
    words = sentences(r)[r.choice is not None :]  # the page says the first one itself, larger
    return Answer(
        choice="" if r.choice is None else describe(r.choice, told),
        scored=r.scored,
        baseline=describe(r.baseline, told),
        saving="" if r.saving is None else times(r.saving.value),
        badge=badge,
        badge_class=badge_class,
        tiles=_tiles(assessment, r),
        sentences=[*words, *filter(None, [payback.sentence(assessment.payback), last])],
        single_axis=neighbour_table(assessment, r.single_axis, changed_only=True) if len(r.single_axis) else None,
        runners_up=neighbour_table(assessment, r.runners_up) if len(r.runners_up) else None,
        snippet=_code(r),
    )


def _code(r: Recommendation) -> str:
    """A table of somebody else's may name a precision or backend that is not known here."""
    try:
        return code(r)
    except UsageError as error:
        return f"# No code for this: {error}"


def _badge(r: Recommendation) -> tuple[str, str]:
    """(text, class)."""
    if r.choice is None:
        return "nothing cheaper passes" if r.scored else "accuracy not known", "unsure"
    if r.choice["verdict_among_many"] != NOT_WORSE:
        return "accuracy not worse, to be confirmed", "unsure"
    return "accuracy not worse", "good"


def _tiles(assessment: Assessment, r: Recommendation) -> list[Tile]:
    energy = energy_quantity(assessment.table)
    return [
        *([] if r.saving is None else [_saving_tile(r.saving)]),
        _pair_tile("Estimated energy" if r.estimated else "Energy", energy, r),
        _accuracy_tile(r),
        _pair_tile("Latency", LATENCY, r),
    ]


def _saving_tile(saving: Ratio) -> Tile:
    value, bracket, interval = format_interval(saving.value, saving.low, saving.high, "×").partition(" (")
    if not bracket:
        return Tile("Saving", value, "no interval")
    kind = SHORT_INTERVALS.get(saving.kind, "none")
    return Tile("Saving", value, f"{interval.removesuffix(')')} (95 % interval, {kind})")


def _pair_tile(label: str, quantity: Quantity, r: Recommendation) -> Tile:
    baseline, name = with_error(r.baseline, quantity), f"{label} ({quantity.unit})"
    if r.choice is None:
        return Tile(name, baseline, "the baseline")
    return Tile(name, with_error(r.choice, quantity), f"baseline {baseline}")


def _accuracy_tile(r: Recommendation) -> Tile:
    shown, score = r.reference, score_quantity(r.table)
    if score is None or pd.isna(shown[score.column]):
        return Tile("Accuracy", MISSING, "not known")
    name = score.label.removesuffix(" (%)")
    value = f"{100 * shown[score.column]:.1f} %"
    if r.choice is None:
        return Tile(name, value, "the baseline")
    note = f"baseline {100 * r.baseline[score.column]:.1f} %"
    if pd.notna(shown["accuracy_difference_low"]):
        change = points_change(shown["accuracy_difference"], r.examples)
        worst = points_change(shown["accuracy_difference_low"], r.examples)
        note += f"; change {change} points, at worst {worst} (one-sided 95 %)"
    return Tile(name, value, note)
