"""The end of a run in a terminal."""

from pathlib import Path

import pandas as pd
import pytest

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
