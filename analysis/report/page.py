"""What report.html and report.md are filled with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from analysis.findings.claims.finding import Finding
from analysis.findings.part import Part
from analysis.report.audit import finding_words
from analysis.report.cells import Table, text_table
from analysis.report.rendering import render_templates
from analysis.report.section import Section
from analysis.words.rounding import MISSING


@dataclass(frozen=True)
class Page:
    """All that the templates need."""

    title: str
    runs: list[str]
    sections: list[Section]
    counts: dict[str, int]  # the sweep's trials by status, and how many are fresh
    problem: str  # why there is no section at all
    notes: list[str]
    flags: Table
    excluded: Table
    excluded_count: int
    environments: list[tuple[str, list[tuple[str, str]]]]
    published: Part[list[Finding]]
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def overview(self) -> Table | None:
        """The answers at a glance, of several sections."""
        return text_table([_glance(s) for s in self.sections]) if len(self.sections) > 1 else None


def title(tasks: Sequence[str]) -> str:
    if not tasks:
        return "No trial with a valid energy"
    return f"The cheapest way to run {', '.join(tasks)} without losing accuracy"


def render(page: Page) -> tuple[str, str]:
    """(report.html, report.md)."""
    return render_templates("report", page=page, finding_words=finding_words)


def _glance(section: Section) -> dict[str, str]:
    answer, choice, accuracy = section.answer, "no recommendation", MISSING
    if answer is not None:
        choice = answer.choice or (f"stay with {answer.baseline}" if answer.scored else "accuracy not known")
        accuracy = next((tile.value for tile in answer.tiles if tile.label == "Accuracy"), MISSING)
    return {
        "What was compared": section.heading,
        "Cheapest that keeps accuracy": choice,
        "Less energy": f"{answer.saving} ({answer.saving_note})" if answer is not None and answer.saving else MISSING,
        "Accuracy": accuracy,
        "Energy": section.measured,
        "Trials": str(section.trials),
    }
