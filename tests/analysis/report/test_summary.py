"""The end of a run in a terminal."""

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.report.build import build_report
from analysis.report.report import Report
from analysis.report.summary import summary
from tests.analysis.report.reports import report_of
from tests.make import runs as fabricated


def test_the_summary_fits_a_terminal(full: tuple[Report, str]) -> None:
    text = summary(full[0], width=100)
    assert max(map(len, text.splitlines())) <= 100
    lines = text.splitlines()
    assert any(line.startswith("* fp16") for line in lines)
    assert any(line.startswith("B fp32") for line in lines)
    assert "Pareto set of accuracy and energy_j_per_example" in text
    assert "11.9" in text
    assert "report.html" in text
    assert "figures" in text


@pytest.mark.usefixtures("sketches")
def test_a_lost_baseline_is_said_first(tmp_path: Path) -> None:
    rows = fabricated.table(lengths=(48, 64, 128), depths=(12,))
    base = (rows["max_seq_len"] == 128) & (rows["precision"] == "fp32")
    rows.loc[base, ["status", "error"]] = "failed", "the process died"
    report, html = report_of(tmp_path / "run", rows)
    said = (
        "The baseline (fp32, 128 tokens) has no valid measurement (failed: the process died); try --retry-failed. "
        "Savings are against fp32, 64 tokens."
    )
    assert summary(report, width=200).splitlines()[2] == said
    assert report.markdown.read_text().count(f"> {said}") == 1
    assert 0 < html.index(said) < html.index('class="lead"')
    assert report.markdown.read_text().index(said) < report.markdown.read_text().index("**")


@pytest.mark.usefixtures("sketches")
def test_a_baseline_that_is_still_to_be_measured_is_said_first(tmp_path: Path) -> None:
    rows = fabricated.table(lengths=(48, 64), depths=(12,))
    planned = {name: rows[name].iloc[0] for name in ("model", "padding", "backend")}
    planned |= {"precision": "fp32", "max_seq_len": 128, "depth": 12, "batch_size": 64}
    for environment, lines in (({"baseline": planned}, 1), ({"baseline": {"max_seq_len": "x"}}, 0), ({}, 0)):
        folder = tmp_path / str(len(environment.get("baseline", "")))
        fabricated.write_csv_run(folder, rows)
        (folder / "environment.json").write_text(json.dumps(environment))
        report = build_report([folder], bootstrap=False)
        said = "The baseline (fp32, 128 tokens) has no trial here. Savings are against fp32, 64 tokens."
        assert summary(report, width=200).splitlines().count(said) == lines


@pytest.mark.usefixtures("sketches")
def test_the_summary_keeps_the_axes_in_which_rows_differ(tmp_path: Path) -> None:
    rows = fabricated.table(lengths=(128,), depths=(12,), precisions=("fp16",))
    ways = [(padding, backend) for padding in ("max_length", "packed") for backend in ("eager", "cuda_graph")]
    rows = pd.concat([rows.assign(padding=p, backend=b, trial_id=f"{p}-{b}") for p, b in ways])
    report, _ = report_of(tmp_path / "run", rows)
    lines = summary(report, width=80).splitlines()
    (heads,) = (line for line in lines if "Padding" in line)
    assert "Backend" in heads
    assert "Length" not in heads  # 128 in every row
    assert any("in all of them: precision fp16, length 128" in line for line in lines)
    assert sum("packed" in line and "cuda_graph" in line and "±" in line for line in lines) == 1
