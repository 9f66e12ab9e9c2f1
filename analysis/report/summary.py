"""The end of a run in a terminal: configurations, the Pareto set, the answer, and where to read on."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

from analysis.cli import printable
from analysis.findings.assessment import Assessment
from analysis.findings.slices import told_axes
from analysis.findings.verdict import NOT_WORSE
from analysis.report.cells import Row, Table
from analysis.report.configuration_table import configuration_table
from analysis.report.report import Report
from analysis.words import recommendation as recommendation_words
from analysis.words import sweep_cost
from analysis.words.configuration import describe
from search_spaces.axes import AXES, other_axes

_MOST_ROWS = 40
_COLUMNS = ("Accuracy", "Change", "Accuracy kept?", "Energy", "Est. energy", "Saving", "Latency", "Frontier")


def print_summary(report: Report, width: int = 100) -> None:
    """Print `summary`: the table, the Pareto set, the answer, where the files are."""
    print(printable(summary(report, width)))


def summary(report: Report, width: int = 100) -> str:
    """Text of at most `width` columns."""
    blocks = [_assessment(assessment, width) for assessment in report.assessments]
    if not blocks:
        reasons = report.excluded["reason"].value_counts().head(5)
        lines = [f"No trial has a valid energy ({len(report.rows)} trials):"]
        lines += [_wrap(f"- {n} x {reason}", width) for reason, n in reasons.items()]
        blocks.append("\n".join(lines))
    elif len(report.excluded):
        blocks.append(_wrap(f"{len(report.excluded)} trials were left out; the report says which and why.", width))
    where = [f"Report   {_short(report.html)}"]
    if report.figures:
        where.append(f"Figures  {_short(report.folder / 'figures')}  ({len(report.figures)} files)")
    return "\n\n".join([*blocks, "\n".join(where)])


def _assessment(assessment: Assessment, width: int) -> str:
    estimated = "   ENERGY IS ESTIMATED, NOT MEASURED" if assessment.estimated else ""
    parts = [f"{assessment.heading}{estimated}"[:width], *filter(None, [_wrap(assessment.lost, width)])]
    table = configuration_table(assessment)
    shown = table.rows
    title = "Configurations: those that keep accuracy first (* cheapest of them, B baseline)"
    if len(assessment.table) > _MOST_ROWS:
        shown = _interesting(table)
        title += f"\nOn the frontier or not worse: {len(shown)} of {len(assessment.table)}"
    parts.append(title + "\n" + _table(Table(table.heads, shown), width))
    goals = " and ".join(assessment.objectives)
    if assessment.front.value is None:
        parts.append(_wrap(assessment.front.problem, width))
    else:
        front = assessment.front.value[assessment.front.value["front"]].sort_values("energy_j_per_example")
        varying = told_axes(assessment.table)
        lines = [f"Pareto set of {goals}: {len(front)} of {len(assessment.table)}"]
        lines += [f"  {describe(row, varying)}" for _, row in front.head(_MOST_ROWS).iterrows()]
        parts.append("\n".join(line[:width] for line in lines))
    recommendation = assessment.recommendation.value
    if recommendation is None:
        parts.append(_wrap(assessment.recommendation.problem, width))
    else:
        head = "Cheapest configuration that keeps accuracy" + (" (energy estimated)" if assessment.estimated else "")
        sentences = [
            *recommendation_words.sentences(recommendation, assessment.confirmation),
            *sweep_cost.sentences(assessment),
        ]
        parts.append("\n".join([head, *(_wrap(f"  {s}", width, "  ") for s in sentences)]))
    return "\n\n".join(parts)


def _interesting(table: Table) -> list[Row]:
    """The baseline, the choice, the frontier and what keeps accuracy, the cheapest of them first."""
    at = {head.text: i for i, head in enumerate(table.heads)}

    def wanted(row: Row) -> bool:
        front = "Frontier" in at and row.cells[at["Frontier"]].text.startswith("on it")
        kept = "Accuracy kept?" in at and row.cells[at["Accuracy kept?"]].text == NOT_WORSE
        return bool(row.role) or front or kept

    found = [row for row in table.rows if wanted(row)]
    first = found[:_MOST_ROWS]
    return [*first, *(row for row in found[_MOST_ROWS:] if row.role)]


def _table(table: Table, width: int) -> str:
    """The columns that fit, right-aligned where they are numbers; units in the second line."""
    keep = [i for i, head in enumerate(table.heads) if head.text in (*_axis_heads(), *_COLUMNS)]
    heads = [table.heads[i] for i in keep]
    cells = [[row.cells[i].text for i in keep] for row in table.rows]
    widths = [
        max(len(h.text), len(h.unit), *(len(line[i]) for line in cells)) if cells else len(h.text)
        for i, h in enumerate(heads)
    ]
    shared: list[str] = []
    while sum(widths) + 2 * len(widths) > width and len(widths) > 4:
        # What the eye can do without goes first; an axis in which all rows agree is said once, below.
        agreed = [h.text for i, h in enumerate(heads) if h.text in _axis_heads() and len({c[i] for c in cells}) == 1]
        order = ("Change", "Latency", *agreed, "Frontier", "Accuracy kept?", *reversed(_other_heads()))
        at = next((i for name in order for i, h in enumerate(heads) if h.text == name), len(heads) - 1)
        if heads[at].text in agreed:
            shared.append(f"{heads[at].text.lower()} {cells[0][at]}")
        heads, widths = heads[:at] + heads[at + 1 :], widths[:at] + widths[at + 1 :]
        cells = [line[:at] + line[at + 1 :] for line in cells]

    def line(texts: list[str], mark: str = " ") -> str:
        padded = [t.rjust(w) if h.numeric else t.ljust(w) for t, w, h in zip(texts, widths, heads, strict=True)]
        return f"{mark} {'  '.join(padded)}".rstrip()

    marks = {"recommended": "*", "baseline": "B"}
    out = [line([h.text for h in heads]), line([h.unit for h in heads])]
    out += [line(c, marks.get(row.role, " ")) for c, row in zip(cells, table.rows, strict=True)]
    out += [f"  in all of them: {', '.join(shared)}"[:width]] if shared else []
    return "\n".join(out)


def _wrap(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _short(path: Path) -> str:
    """Relative to here where that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)


def _axis_heads() -> list[str]:
    return [axis.title for axis in AXES.values()]


def _other_heads() -> list[str]:
    return [AXES[name].title for name in other_axes()]
