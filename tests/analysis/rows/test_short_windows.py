"""Short windows kept on request: another flag for what a command computes with, and nothing written changes."""

import pandas as pd
import pytest

from analysis.findings.configurations import valid
from analysis.findings.recommend import recommend
from analysis.report.build import build_report
from analysis.rows.short_windows import kept_short, with_short_windows
from analysis.words import recommendation as words
from tests.make.rows import frame, row

ROWS = [
    row(128, energy=0.1),
    row(48, energy=0.02, flags="short_window;power_capped"),
    row(32, energy=0.01, flags="short_window;counter_reset"),
]


def test_only_what_is_short_and_nothing_else_counts_again():
    rows = frame(ROWS)
    assert valid(rows)[0]["max_seq_len"].tolist() == [128]
    kept = with_short_windows(rows)
    assert kept["flags"].tolist() == ["", "short_window_kept;power_capped", "short_window_kept;counter_reset"]
    assert valid(kept)[0]["max_seq_len"].tolist() == [128, 48]
    assert kept_short(kept) == 2
    assert kept_short(rows) == 0
    assert rows["flags"].tolist()[1] == "short_window;power_capped"


def test_the_recommendation_says_so_below_its_headline():
    said = words.sentences(recommend(with_short_windows(frame(ROWS))))
    assert said[0].startswith("fp32, 48 tokens uses 5x less energy")
    assert said[2] == (
        "1 trial has windows shorter than 1 s, kept on request: their energies are too low by an unknown amount, "
        "and so is every saving, line and frontier that rests on them."
    )


@pytest.mark.seconds
def test_the_report_uses_them_and_writes_the_rows_as_they_were(tmp_path):
    file = tmp_path / "rows.csv"
    frame(ROWS[:2]).drop(columns="run").to_csv(file, index=False)
    kept = build_report([file], output=tmp_path / "kept", bootstrap=False, keep_short_windows=True)
    (assessment,) = kept.assessments
    assert assessment.recommendation.value.choice["max_seq_len"] == 48
    assert "kept on request" in kept.markdown.read_text()
    assert pd.read_csv(kept.folder / "results.csv")["flags"].fillna("").tolist() == ["", "short_window;power_capped"]
