"""A report with fresh trials and without: what its first line says, and that nothing else knows of them."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from analysis.report.build import build_report
from analysis.report.report import Report
from analysis.report.summary import summary
from analysis.rows.cards import level_cards
from analysis.rows.load import load, load_anchors
from tests.make.fresh import FakeDriver, fresh, swept
from trainables.rows.choice import CONFIRMATION_FILE
from tuner.confirm import confirm

pytestmark = pytest.mark.usefixtures("sketches")
NOT_CONFIRMED = "chosen on one trial, not confirmed"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return swept(tmp_path / "run")


def words_of(report: Report) -> list[str]:
    """The page, the Markdown and the terminal's text, each on one line without tags."""
    page = re.sub(r"<[^>]+>", "", report.html.read_text(encoding="utf-8"))
    return [" ".join(text.split()) for text in (page, report.markdown.read_text(encoding="utf-8"), summary(report))]


def test_without_fresh_trials_no_saving_has_an_interval(run: Path) -> None:
    page, markdown, terminal = words_of(build_report([run], bootstrap=False))
    lead = "48 tokens · 12 layers uses 5.00× less energy than fp32 · 128 tokens · 12 layers"
    assert f"{lead} ({NOT_CONFIRMED})" in page
    assert f"({NOT_CONFIRMED})" in markdown
    assert f"(80 % saved, {NOT_CONFIRMED})" in terminal


def test_with_them_it_has_theirs_in_every_form(run: Path) -> None:
    assert confirm(FakeDriver(run))  # type: ignore[arg-type]
    report = build_report([run], bootstrap=False)
    page, markdown, terminal = words_of(report)
    bracket = "(4.989 to 5.011, 95 %, 3 fresh trials of each)"
    assert f"uses 5.00× less energy than fp32 · 128 tokens · 12 layers {bracket}" in page
    assert bracket in markdown.replace("\\", "")
    assert "95 % interval 79.95 to 80.05, 3 fresh trials of each" in terminal
    assert not any(NOT_CONFIRMED in text for text in (page, markdown, terminal))
    assert "4 ok, 9 fresh trials" in page
    assert "Left out" not in page
    assert report.excluded.empty
    assert len(report.rows) == 13
    assert "from 3 fresh trials of each alone" in page


@pytest.mark.seconds
def test_a_folder_kept_without_rays_files_says_the_same(run: Path, tmp_path: Path) -> None:
    confirm(FakeDriver(run))  # type: ignore[arg-type]
    first = words_of(build_report([run], bootstrap=False))[2]
    kept = tmp_path / "kept" / "run"
    kept.mkdir(parents=True)
    for name in ("results.csv", CONFIRMATION_FILE):
        shutil.copy(run / name, kept)
    assert words_of(build_report([kept], bootstrap=False))[2].split("Report ")[0] == first.split("Report ")[0]
    (kept / CONFIRMATION_FILE).unlink()
    without = words_of(build_report([kept], bootstrap=False))[2]
    assert "no confirmation.json beside the rows says which choice" in without


def test_a_damaged_choice_is_a_sentence_and_the_report_is_there(run: Path) -> None:
    (run / CONFIRMATION_FILE).write_text("{")
    report = build_report([run], bootstrap=False)
    assert any("confirmation.json must say what was chosen" in problem for problem in report.problems)
    assert NOT_CONFIRMED in words_of(report)[0]


def test_another_tolerance_than_the_confirmed_one_may_choose_otherwise(run: Path) -> None:
    confirm(FakeDriver(run))  # type: ignore[arg-type]
    terminal = words_of(build_report([run], tolerance=0.5, bootstrap=False))[2]
    assert "16 tokens uses 10x less" in terminal
    assert NOT_CONFIRMED in terminal
    assert "What was confirmed is not this choice" in terminal


def test_fresh_trials_on_another_card_do_not_make_the_sweep_one_of_several(run: Path) -> None:
    confirm(FakeDriver(run, lambda trial, n: fresh(trial, gpu_uuid="GPU-2")))  # type: ignore[arg-type]
    rows = load(run)
    assert set(rows["gpu_uuid"]) == {"GPU-1", "GPU-2"}
    levelled, said = level_cards(rows, load_anchors(run))
    assert said == {}
    pd.testing.assert_frame_equal(levelled, rows)
    assert "on GPU-2, another device than the sweep's," in words_of(build_report([run], bootstrap=False))[2]
