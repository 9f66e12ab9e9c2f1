"""The recommendation as a page shows it: one line, tiles, sentences, what else could be done."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.findings.confirmation import Confirmation
from analysis.findings.plain import plain
from analysis.findings.recommend import Recommendation
from analysis.findings.slices import several_models
from analysis.report.cells import Table, with_error
from analysis.report.configuration_table import neighbour_table
from analysis.report.recommendation_json import trial_of
from analysis.statistics.intervals import Ratio
from analysis.words import sweep_cost
from analysis.words.configuration import describe
from analysis.words.confirmation import ratio_words
from analysis.words.deploy import commands, plain_cost
from analysis.words.quantities import LATENCY, Quantity, energy_quantity, score_quantity
from analysis.words.recommendation import sentences
from analysis.words.rounding import MISSING, points_change, times
from search_spaces.axes import AXES


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
    saving_note: str  # its interval, or that it is not confirmed
    badge: str
    badge_class: str
    tiles: list[Tile]
    sentences: list[str]
    single_axis: Table | None
    runners_up: Table | None
    commands: str  # that take it away
    plain_cost: str  # what it would cost without them, "" where that is not known


def answer(assessment: Assessment, r: Recommendation, last: str = "") -> Answer:
    """The recommendation in words, tiles and tables. `last`: a sentence to end on."""
    several = several_models(r.table)  # then each is told with its own
    told = [
        name
        for name, axis in AXES.items()
        if axis.published or plain(r.reference[name]) != plain(r.baseline[name]) or (name == "model" and several)
    ]
    confirmed = assessment.confirmation.value
    badge, badge_class = _badge(r, confirmed)
    words = sentences(r, assessment.confirmation)[r.choice is not None :]  # the page says the first one itself, larger
    return Answer(
        choice="" if r.choice is None else describe(r.choice, told),
        scored=r.scored,
        baseline=describe(r.baseline, told),
        saving="" if r.saving is None else times((r.saving if confirmed is None else confirmed.saving).value),
        saving_note="" if r.choice is None else ratio_words(r.choice["n_trials"], confirmed),
        badge=badge,
        badge_class=badge_class,
        tiles=_tiles(assessment, r),
        sentences=[*words, *sweep_cost.sentences(assessment), *filter(None, [last])],
        single_axis=neighbour_table(assessment, r.single_axis, changed_only=True) if len(r.single_axis) else None,
        runners_up=neighbour_table(assessment, r.runners_up) if len(r.runners_up) else None,
        commands=commands(r, str(trial_of(assessment, r.reference)["trial_id"])),
        plain_cost=plain_cost(r),
    )


def _badge(r: Recommendation, confirmed: Confirmation | None) -> tuple[str, str]:
    """(text, class)."""
    if r.choice is not None and confirmed is not None and not confirmed.accuracy_holds:
        return "accuracy not confirmed", "unsure"
    if r.choice is None:
        return "nothing cheaper passes" if r.scored else "accuracy not known", "unsure"
    return "accuracy not worse", "good"


def _tiles(assessment: Assessment, r: Recommendation) -> list[Tile]:
    energy, confirmed = energy_quantity(assessment.table), assessment.confirmation.value
    pair = (r.baseline, r.choice)
    if confirmed is not None and r.choice is not None:
        pair = (confirmed.baseline, confirmed.choice)
    return [
        *([] if r.choice is None or r.saving is None else [_saving_tile(r.choice, r.saving, confirmed)]),
        _pair_tile("Estimated energy" if r.estimated else "Energy", energy, *pair),
        _accuracy_tile(r),
        _pair_tile("Latency", LATENCY, *pair),
    ]


def _saving_tile(choice: pd.Series, saving: Ratio, confirmed: Confirmation | None) -> Tile:
    value = times((saving if confirmed is None else confirmed.saving).value)
    return Tile("Saving", value, ratio_words(choice["n_trials"], confirmed))


def _pair_tile(label: str, quantity: Quantity, base: pd.Series, choice: pd.Series | None) -> Tile:
    baseline, name = with_error(base, quantity), f"{label} ({quantity.unit})"
    if choice is None:
        return Tile(name, baseline, "the baseline")
    return Tile(name, with_error(choice, quantity), f"baseline {baseline}")


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
