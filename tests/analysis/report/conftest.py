"""A full report, made once, and reports without drawing."""

from pathlib import Path

import pytest

from analysis.figures.page_figure import Drawing
from analysis.report.build import build_report
from analysis.report.gallery import Picture
from analysis.report.report import Report
from tests.make import runs as fabricated


@pytest.fixture
def sketches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures as empty files, for tests of something else: drawing is most of a report's time."""

    def sketch(drawing: Drawing, folder: Path, prefix: str) -> Picture:
        name = f"{prefix}{drawing.name}"
        png, svg = folder / f"{name}.png", folder / f"{name}.svg"
        folder.mkdir(parents=True, exist_ok=True)
        for file in (png, svg):
            file.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        return Picture(name, drawing.title, drawing.caption, png, svg, in_markdown=drawing.in_markdown)

    monkeypatch.setattr("analysis.report.gallery._picture", sketch)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, str]:
    """40 trials and 2 anchored cards, with front probabilities."""
    folder = tmp_path_factory.mktemp("full") / "run"
    fabricated.write_csv_run(folder, fabricated.table())
    fabricated.anchors().to_csv(folder / "anchors.csv", index=False)
    report = build_report([folder])
    return report, report.html.read_text(encoding="utf-8")
