"""The ratios that pages state are those of recorded rows: docs/stated/RUN.json against docs/results/RUN."""

from pathlib import Path

import pytest

from analysis.findings.claims.check import audit
from analysis.rows.cards import load_levelled

ROOT = Path(__file__).parents[1]
STATED = sorted((ROOT / "docs" / "stated").glob("*.json"))


@pytest.mark.parametrize("file", STATED, ids=lambda file: file.stem)
def test_every_stated_ratio_is_that_of_the_rows(file: Path) -> None:
    found = audit(load_levelled(ROOT / "docs" / "results" / file.stem), file)
    assert found
    for finding in found:
        assert finding.problem == ""
        assert finding.measured_ratio == pytest.approx(finding.claimed_ratio, rel=0.005), finding.claim
        lost = finding.accuracy_change
        assert lost is None or lost > -0.011, finding.claim


def test_there_are_some() -> None:
    assert len(STATED) >= 8
