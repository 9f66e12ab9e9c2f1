"""What across.html and across.md are filled with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from analysis.across import tables
from analysis.findings.comparison import Comparison
from analysis.report.cells import Table
from analysis.report.exclusions import exclusion_table
from analysis.report.gallery import Gallery
from analysis.report.method import source_words
from analysis.statistics.equivalence import EQUIVALENCE
from analysis.words.across import listed, notes
from analysis.words.rounding import points_word

FIGURE_SECTIONS = ("regime", "tradeoff", "energy", "per_token")  # where a figure may stand


@dataclass(frozen=True)
class AcrossPage:
    """All that the templates need."""

    title: str
    runs: list[str]
    subject: str  # the model and the card
    estimated: bool
    source: str
    headline: str
    sentences: list[str]
    notes: list[str]
    glance: Table
    regime: Table
    factors: Table | None  # of several precisions
    coefficients: Table
    measured: Table
    excluded: Table
    gallery: Gallery
    method: list[str]
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def page(c: Comparison, gallery: Gallery, headline: str, sentences: list[str]) -> AcrossPage:
    """Everything the page says about a comparison; `headline` and `sentences` are of `analysis.words.across`."""
    source = source_words(c.energy_source)
    return AcrossPage(
        title=f"What holds across {listed([t.name for t in c.tasks])}",
        runs=list(dict.fromkeys(c.rows["run"])),
        subject=f"{c.model}, {c.card}",
        estimated=c.estimated,
        source=source,
        headline=headline,
        sentences=sentences,
        notes=notes(c),
        glance=tables.glance_table(c),
        regime=tables.regime_table(c),
        factors=tables.factor_table(c),
        coefficients=tables.coefficient_table(c),
        measured=tables.measured_table(c),
        excluded=exclusion_table(c.excluded),
        gallery=gallery,
        method=_method(c, source),
    )


def _method(c: Comparison, source: str) -> list[str]:
    return [
        f"Energy: {source}; gross, per example of the task (a question with all its windows counts as one).",
        "The score of a task is its accuracy; of SQuAD that is exact match. Each configuration is compared with its "
        f"own task's baseline on the same examples: paired non-inferiority, tolerance {points_word(c.tolerance)}, "
        "score interval (Tango 1998), one-sided 5 %.",
        "Energy per token: a line through each task's configurations at full depth, all tasks in one form. Two tasks "
        f"agree where the 95 % interval of their ratio lies within {100 * EQUIVALENCE:g} %. The intervals hold "
        "what the line leaves over; a drift of the card between the runs is not in them.",
    ]
