"""Figures by their registry: a new one is drawn and found on the page; an unknown one, or a section, raises."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from analysis.across.page import FIGURE_SECTIONS as ACROSS_SECTIONS
from analysis.figures.page_figure import Drawing, NotShown, PageFigure
from analysis.figures.registry import COMPARISON_FIGURES, FIGURES
from analysis.figures.style import PAGE_WIDTH_IN, new_figure, styled
from analysis.findings.assessment import Assessment
from analysis.report.build import build_report
from analysis.report.gallery import draw
from analysis.report.section import FIGURE_SECTIONS
from search_spaces.errors import UsageError
from search_spaces.registry import Registry
from tests.make import runs as fabricated

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE, CAPTION, REASON = "Energy of every trial, in the order measured", "A made-up figure.", "No trial was warm."


def picture() -> "Figure":
    with styled():
        figure, axes = new_figure(width_in=PAGE_WIDTH_IN)
        axes.plot([1.0, 2.0], [3.0, 4.0])
    return figure


def make(assessment: Assessment, anchors: pd.DataFrame) -> Iterator[Drawing | NotShown]:
    assert len(assessment.clean) == 4
    yield Drawing("made_up", TITLE, picture, CAPTION, in_markdown=True)
    yield NotShown(REASON)


@pytest.mark.seconds
@pytest.mark.parametrize("section", FIGURE_SECTIONS)
def test_a_new_figure_costs_its_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str) -> None:
    figures = Registry("a figure", [PageFigure("made_up", section, make)])
    monkeypatch.setattr("analysis.report.build.FIGURES", figures)
    run = fabricated.write_csv_run(tmp_path / "run", fabricated.table(lengths=(48, 128), depths=(12,)))
    report = build_report([run], bootstrap=False)
    html = report.html.read_text(encoding="utf-8")
    assert report.problems == []
    assert {file.name for file in report.figures} == {"made_up.png", "made_up.svg"}
    assert html.count("<img ") == 1
    assert f'alt="{TITLE}. {CAPTION}"' in html
    assert '<figure class="wide">' in html  # as it was drawn
    assert f"<li>{REASON}</li>" in html
    assert f"![{TITLE}](figures/made_up.png)" in report.markdown.read_text(encoding="utf-8")


def test_a_figure_that_is_not_registered_raises_and_lists_what_is() -> None:
    with pytest.raises(UsageError, match=r"a figure must be one of saving, accuracy_cost, .*, but got 'made_up'"):
        FIGURES["made_up"]


def test_a_section_that_the_page_does_not_have_raises(tmp_path: Path) -> None:
    figures = Registry("a figure", [PageFigure("made_up", "appendix", lambda: [])])
    with pytest.raises(UsageError, match=r"a section must be one of saving, .*, but got 'appendix'; see .* made_up"):
        draw(figures, FIGURE_SECTIONS, tmp_path, "")


def test_the_figures_of_both_pages_stand_in_their_sections() -> None:
    assert {figure.section for figure in FIGURES.values()} == set(FIGURE_SECTIONS)
    assert {figure.section for figure in COMPARISON_FIGURES.values()} == set(ACROSS_SECTIONS)


def test_a_figure_that_fails_takes_no_other_along(tmp_path: Path) -> None:
    def failing() -> Iterator[Drawing]:
        yield Drawing("good", "Good", picture)
        yield Drawing("bad", "Bad", lambda: picture().no_such_method())  # type: ignore[attr-defined]

    def broken() -> Iterator[Drawing]:
        raise ZeroDivisionError("planted")
        yield

    figures = Registry("a figure", [PageFigure("one", "card", broken), PageFigure("two", "card", failing)])
    gallery = draw(figures, ("card",), tmp_path, "run-")
    assert [p.name for p in gallery["card"]] == ["run-one", "run-good", "run-bad"]
    assert [bool(p.problem) for p in gallery["card"]] == [True, False, True]
    assert gallery.problems[0] == "one: The figure one could not be made: ZeroDivisionError: planted"
    assert [file.name for file in gallery.files] == ["run-good.png", "run-good.svg"]
