"""Flags and trials that were left out."""

from pathlib import Path

import pytest

from tests.analysis.report.reports import SMALL, report_of
from tests.make import runs as fabricated

pytestmark = pytest.mark.seconds


@pytest.mark.usefixtures("sketches")
def test_a_flag_of_every_trial_is_said_once(tmp_path: Path) -> None:
    rows = fabricated.table(energy_source="estimate", flags="few_windows;interval_not_reached", **SMALL)
    rows.loc[0, "flags"] += ";temperature_drift"
    _, html = report_of(tmp_path / "run", rows)
    body = html[html.index("<h2>Every configuration</h2>") : html.index("<h2>Energy models</h2>")]
    assert body.count("interval not reached") == 1
    assert "Every trial is flagged: estimated, few windows, interval not reached." in body
    assert body.count(">temperature drift<") == 1
    assert '<td class="nowrap">all 16</td>' in html
    assert '<td class="nowrap">1 of 16</td>' in html


@pytest.mark.usefixtures("sketches")
def test_short_windows_of_a_foreign_table_are_left_out_and_said(tmp_path: Path) -> None:
    rows = fabricated.table(**SMALL).drop(columns="flags")
    rows.loc[rows["max_seq_len"] == 16, "window_s"] = 0.4
    report, html = report_of(tmp_path / "run", rows)
    assert set(report.assessments[0].clean["max_seq_len"]) == {48, 64, 128}
    assert "Left out: 4 of 16 trials. 4 with flag short window (a window was shorter than 1 s" in html
    assert "4 of 16 rows come from windows shorter than 1 s" in html
