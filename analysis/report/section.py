"""One assessment as the templates show it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.findings.claims.finding import Finding
from analysis.findings.flop_energy import flop_energy as compare_flop
from analysis.findings.part import Part, attempt
from analysis.report.answer import Answer, answer
from analysis.report.audit import audit_of
from analysis.report.card_table import card_table
from analysis.report.cells import Table
from analysis.report.configuration_table import configuration_table, repeated_shares
from analysis.report.energy_models import ModelPart, model_parts
from analysis.report.gallery import Gallery
from analysis.report.method import how_to_read, method, repeats_note, source_words
from analysis.report.seed_table import seed_table
from analysis.rows.cards import CARD_FACTOR
from analysis.words import flop_energy, pareto

FIGURE_SECTIONS = ("saving", "frontiers", "models", "card")  # where a figure may stand


@dataclass(frozen=True)
class Section:
    anchor: str
    task: str
    heading: str
    lost: str  # that savings are against another baseline than was to be, "" where they are not
    measured: str
    source: str
    estimated: bool
    trials: int
    answer: Answer | None
    problem: str
    gallery: Gallery
    how_to_read: str
    table: Table
    seeds: Table | None  # of several seeds
    front_summary: str  # knee and hypervolume
    front_note: str
    front_probabilities: bool
    flop_energy: list[str]  # whether energy follows FLOP from model to model, a sentence each
    model_parts: list[ModelPart]
    audit: Part[list[Finding]]
    method: list[str]
    caveats: list[str]  # what weakens the answer: cards that cannot be told apart, hardly any repeats
    cards: Table | None  # the anchors, card by card


def section(
    assessment: Assessment, gallery: Gallery, anchors: pd.DataFrame, card_note: str = "", left_out: str = ""
) -> Section:
    """Everything the page says about an assessment. `card_note`: of `level_cards`. `left_out`: a sentence."""
    table, recommendation = assessment.table, assessment.recommendation.value
    levelled = CARD_FACTOR in assessment.clean and bool(assessment.clean[CARD_FACTOR].notna().all())
    caveats = [left_out, "" if levelled else card_note, repeats_note(table)]
    return Section(
        anchor=assessment.slug or "answer",
        task=str(assessment.common.get("task")),
        heading=assessment.heading,
        lost=assessment.lost,
        measured="estimated" if assessment.estimated else "measured",
        source=source_words(assessment.common.get("energy_source"), "the source of the energy is not recorded"),
        estimated=assessment.estimated,
        trials=len(assessment.clean),
        answer=None if recommendation is None else answer(assessment, recommendation, card_note if levelled else ""),
        problem=assessment.recommendation.problem,
        gallery=gallery,
        how_to_read=how_to_read(assessment),
        table=configuration_table(assessment),
        seeds=seed_table(assessment),
        front_summary=pareto.summary(assessment),
        front_note=pareto.probability_note(assessment),
        front_probabilities=repeated_shares(assessment),
        flop_energy=flop_energy.sentences(compare_flop(assessment.table, assessment.baseline)),
        model_parts=model_parts(assessment.models),
        audit=attempt("The audit", lambda: audit_of(assessment)),
        method=[*method(assessment), *filter(None, [card_note])],
        caveats=list(filter(None, caveats)),
        cards=card_table(anchors, assessment),
    )
