"""A full report, made once."""

import pytest

from analysis.report.build import build_report
from analysis.report.report import Report
from tests.make import runs as fabricated


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, str]:
    """40 trials and 2 anchored cards, with front probabilities."""
    folder = tmp_path_factory.mktemp("full") / "run"
    fabricated.write_csv_run(folder, fabricated.table())
    fabricated.anchors().to_csv(folder / "anchors.csv", index=False)
    report = build_report([folder])
    return report, report.html.read_text(encoding="utf-8")
