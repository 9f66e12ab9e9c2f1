"""A comparison of several tasks from their run folders: findings, figures and pages, all of them written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.across.page import FIGURE_SECTIONS, page
from analysis.figures.registry import COMPARISON_FIGURES
from analysis.files import write_text
from analysis.findings.comparison import Comparison, compare
from analysis.report.folder import report_folder
from analysis.report.gallery import Gallery, draw
from analysis.report.rendering import render_templates
from analysis.words.across import headline, sentences
from search_spaces.errors import check
from search_spaces.objectives import TOLERANCE


@dataclass(frozen=True)
class Across:
    """What was written, and the results behind it."""

    folder: Path
    html: Path
    markdown: Path
    headline: str
    sentences: list[str]
    comparison: Comparison
    gallery: Gallery


def build_across(
    runs: Sequence[str | Path],
    output: str | Path | None = None,
    tolerance: float = TOLERANCE,
    *,
    columns: dict[str, str] | None = None,
    model: str | None = None,
) -> Across:
    """Write the comparison of several tasks and return it. `model`: on which one, where runs hold several.

    Raises UsageError where the runs hold one task only, or differ in card, source of energy or model, and
    CannotAnswer where fewer than two tasks have a valid energy.
    """
    check(0 < tolerance < 1, "tolerance must be a fraction between 0 and 1", tolerance, "0.01 is one point")
    check(len(runs) > 0, "a comparison needs runs of two tasks or more", list(runs), "give their folders")
    paths = [Path(r) for r in runs]
    comparison = compare(paths, tolerance, columns=columns, model=model)
    folder = report_folder(paths, output, "across")
    gallery = draw(COMPARISON_FIGURES, FIGURE_SECTIONS, folder / "figures", "", comparison)
    html, markdown = folder / "across.html", folder / "across.md"
    said = headline(comparison), sentences(comparison)
    texts = render_templates("across", page=page(comparison, gallery, *said))
    for file, text in zip((html, markdown), texts, strict=True):
        write_text(file, text)
    return Across(folder, html, markdown, *said, comparison, gallery)
