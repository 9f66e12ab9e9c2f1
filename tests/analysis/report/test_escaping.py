"""Nothing of the data becomes markup."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.report.build import build_report
from analysis.report.summary import summary
from search_spaces.trial_config import TrialConfig
from tests.analysis.report.reports import NASTY, SMALL, report_of, tags
from tests.make import runs as fabricated

pytestmark = pytest.mark.seconds


@pytest.mark.usefixtures("sketches")
def test_failed_and_flagged_trials_are_named_and_escaped(tmp_path: Path) -> None:
    rows = fabricated.table(**SMALL)
    rows.loc[0, "flags"] = "short_window;power_capped"
    failed = [
        fabricated.failed_row(TrialConfig("sst2", NASTY, 42, 256, 12, "fp32"), f"RuntimeError: {NASTY}"),
        fabricated.failed_row(TrialConfig("sst2", "m", 42, 512, 12, "fp32"), "CUDA out of memory", "oom"),
    ]
    rows = pd.concat([rows, pd.DataFrame(failed)], ignore_index=True)
    report, html = report_of(tmp_path / "run", rows)
    assert "16 ok, 1 failed, 1 oom trials" in html
    assert "3 trials left out" in html
    assert "CUDA out of memory" in html
    assert "a window was shorter than 1 s" in html
    assert "the power limit lowered the clocks" in html
    assert "RuntimeError: &lt;script&gt;" in html
    assert len(report.assessments[0].clean) == 15
    assert "3 trials were left out" in summary(report)


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("column", ["model", "gpu_name", "flags", "backend"])
def test_no_string_of_the_data_becomes_markup(tmp_path: Path, column: str) -> None:
    rows = fabricated.table(lengths=(48, 128), depths=(12,))
    clean = fabricated.write_csv_run(tmp_path / "clean", rows)
    rows = rows.assign(**{column: NASTY})
    folder = fabricated.write_csv_run(tmp_path / "<b>run", rows, {"host": NASTY, NASTY: [{"k": NASTY}]})
    (folder / "anchors.csv").write_text(f"{NASTY}\n1\n")
    expected = tags(build_report([clean], bootstrap=False).html.read_text(encoding="utf-8"))
    report = build_report([folder], bootstrap=False)
    html = report.html.read_text(encoding="utf-8")
    found = tags(html)
    names = [tag for tag, _ in found]
    assert names.count("script") == [tag for tag, _ in expected].count("script") == 1
    assert not any("onerror" in attributes for _, attributes in found)
    assert "b" not in names
    assert all(str(a["src"]).startswith("data:") for tag, a in found if tag == "img")
    assert "<script" not in report.markdown.read_text(encoding="utf-8")
    assert "<img" not in report.markdown.read_text(encoding="utf-8")


def test_a_task_of_hostile_name_is_drawn_and_escaped(tmp_path: Path) -> None:
    rows = fabricated.table(lengths=(48, 128), depths=(12,), task=NASTY, model="$x^{")
    report, html = report_of(tmp_path / "run", rows)
    assert [tag for tag, _ in tags(html)].count("script") == 1
    assert report.problems == []
