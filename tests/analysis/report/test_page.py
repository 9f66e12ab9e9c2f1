"""The page: every part on plausible runs, in the order it is read, and a sentence where a part cannot be made."""

import re
from pathlib import Path

import pandas as pd
import pytest

from analysis.report.build import build_report
from analysis.report.report import Report
from analysis.report.summary import summary
from search_spaces.trial_config import TrialConfig
from tests.analysis.report.reports import PAGE_PARTS, PARTS, SMALL, report_of, tags
from tests.make import runs as fabricated

pytestmark = pytest.mark.seconds


def test_a_report_has_every_part(full: tuple[Report, str]) -> None:
    report, html = full
    for part in (*PARTS, *PAGE_PARTS):
        assert f"<h2>{part}</h2>" in html
    assert report.problems == []
    assert 'class="problem"' not in html
    images = [attributes for tag, attributes in tags(html) if tag == "img"]
    assert len(images) == 15  # the saving, 5 slices x (energy, latency), energy-latency, model, reference, anchors
    assert all(str(a["src"]).startswith("data:image/svg+xml;base64,") for a in images)
    assert all(a["alt"] for a in images)


def test_knee_and_hypervolume_are_said_with_their_reference(full: tuple[Report, str]) -> None:
    _, html = full
    assert "Knee, where giving up more buys the least: " in html
    assert re.search(r"Hypervolume [\d.]+ \(accuracy x log10 energy_j_per_example\) against the reference point", html)


def test_the_answer_comes_first_and_says_what_was_measured_where(full: tuple[Report, str]) -> None:
    _, html = full
    text = re.sub(r"<[^>]+>", "", html[html.index("<body>") :])
    lead = "fp16 · 64 tokens · 12 layers uses 11.9× less energy than fp32 · 128 tokens · 12 layers"
    assert text.index("measured") < text.index(lead) < text.index("Frontiers: ".strip(": "), text.index(lead))
    assert "NVIDIA H100 80GB HBM3" in text[: text.index(lead)]
    assert "estimated" not in text[: text.index(lead)]


def test_the_page_needs_no_network(full: tuple[Report, str]) -> None:
    _, html = full
    for tag, attributes in tags(html):
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, value)
    assert "@import" not in html
    assert "url(" not in html


@pytest.mark.usefixtures("sketches")
def test_the_same_folder_gives_the_same_report(tmp_path: Path) -> None:
    rows = fabricated.table(**SMALL)
    pages = []
    for name in ("a", "b"):
        _, html = report_of(tmp_path / name / "run", rows)
        pages.append(re.sub(r"written [0-9: -]+UTC", "", html))
    assert pages[0] == pages[1]


def test_rows_are_in_the_table_with_numbers_rounded_to_their_uncertainty(full: tuple[Report, str]) -> None:
    report, html = full
    body = html[html.index("<h2>Every configuration</h2>") : html.index("<h2>Energy models</h2>")]
    assert body.count("<tr") == 41
    assert 'class="recommended"' in body
    assert 'class="baseline"' in body
    row = report.assessments[0].table.sort_values("energy_j_per_example").iloc[0]
    energy, error = 1e3 * row["energy_j_per_example"], 1e3 * row["energy_j_per_example_ci95"]
    assert f"{energy:.2f} ± {error:.2f}" in body
    assert "nan" not in body.lower()
    assert "None" not in body


def test_one_row_makes_a_report_that_says_what_it_lacks(tmp_path: Path) -> None:
    rows = fabricated.table(lengths=(64,), depths=(12,), precisions=("fp16",))
    report, html = report_of(tmp_path / "run", rows)
    for part in (*PARTS, *PAGE_PARTS):
        assert f"<h2>{part}</h2>" in html
    assert "Stay with <em>fp16 · 64 tokens · 12 layers</em>" in html
    assert "the run holds one depth only" in html
    assert "No line could be fitted" in html or "cannot be fitted" in html
    assert "Stay with" in report.markdown.read_text(encoding="utf-8")
    assert "stay with it" in summary(report)


@pytest.mark.usefixtures("sketches")
def test_estimated_energy_is_called_so_everywhere(tmp_path: Path) -> None:
    rows = fabricated.table(
        task="demo", model="demo-bert", precisions=("fp32", "bf16"), energy_source="estimate", **SMALL
    )
    report, html = report_of(tmp_path / "run", rows)
    assert '<span class="badge estimated">estimated</span>' in html
    assert "less estimated energy than" in html
    assert "<strong>estimated</strong>, not measured" in html
    assert "Est. energy" in html
    assert "measured</span>" not in html
    assert "estimated energy" in report.markdown.read_text(encoding="utf-8")
    text = summary(report)
    assert "ENERGY IS ESTIMATED, NOT MEASURED" in text
    assert "Est. energy" in text
    assert "(energy estimated)" in text


@pytest.mark.usefixtures("sketches")
def test_measured_and_estimated_rows_never_meet(tmp_path: Path) -> None:
    measured = fabricated.table(**SMALL)
    guessed = fabricated.table(energy_source="estimate", **SMALL)
    report, html = report_of(tmp_path / "run", pd.concat([measured, guessed], ignore_index=True))
    assert [s.estimated for s in report.assessments] == [False]
    assert "16 trials left out" in html


@pytest.mark.usefixtures("sketches")
def test_several_runs_and_tasks_get_a_section_each(tmp_path: Path) -> None:
    for task in ("sst2", "qqp"):
        fabricated.write_csv_run(tmp_path / task, fabricated.table(task=task, **SMALL))
    report = build_report([tmp_path / "sst2", tmp_path / "qqp"], bootstrap=False)
    html = report.html.read_text(encoding="utf-8")
    assert report.folder == tmp_path / "report-sst2-qqp"
    assert html.count("<h2>Energy models</h2>") == 2
    ids = [a["id"] for _, a in tags(html) if "id" in a]
    assert len(ids) == len(set(ids))
    assert {p.name.split("-")[0] for p in report.figures} == {"sst2", "qqp"}
    assert not (tmp_path / "sst2" / "report.html").exists()


@pytest.mark.usefixtures("sketches")
def test_no_valid_trial_is_still_a_report(tmp_path: Path) -> None:
    config = TrialConfig("sst2", "m", 42, 64, 12, "fp32")
    report, html = report_of(tmp_path / "run", pd.DataFrame([fabricated.failed_row(config, "broken")]))
    assert report.assessments == []
    assert "There is no answer: none of the 1 trials has a valid energy (1 failed: broken)." in html
    assert "No trial has a valid energy (1 trials)" in summary(report)


def test_null_accuracy_is_not_plotted_and_says_so(tmp_path: Path) -> None:
    rows = fabricated.table(**SMALL).assign(accuracy=None, correct_bits=None, energy_j_per_correct=None)
    report, html = report_of(tmp_path / "run", rows)
    assert "Accuracy is null in every row, so nothing is plotted against it." in html
    assert "nan" not in re.sub(r"base64,[^\"]+", "", html).lower().replace("finance", "")
    assert any("energy_latency" in p.name for p in report.figures)


def test_squad_is_scored_by_exact_match(tmp_path: Path) -> None:
    rows = fabricated.table(task="squad", lengths=(64, 128), depths=(12,))
    rows = rows.assign(exact_match=rows["accuracy"], f1=rows["accuracy"] + 0.05, accuracy=None)
    report, html = report_of(tmp_path / "run", rows)
    assert report.problems == []
    assert report.assessments[0].objectives == ("exact_match", "energy_j_per_example")
    assert '<div class="label">Exact match</div>' in html
    assert "exact match kept" in html
    assert any("accuracy_energy_length" in p.name for p in report.figures)


def test_a_broken_part_does_not_stop_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("analysis.findings.assessment.fit_energy", broken)
    for figure in ("accuracy_cost", "energy_latency"):
        monkeypatch.setattr(f"analysis.figures.{figure}.tradeoff", broken)
    monkeypatch.setattr("analysis.report.audit.check_claims", broken)
    report, html = report_of(tmp_path / "run", fabricated.table(**SMALL))
    assert "The energy model could not be made: ZeroDivisionError: planted" in html
    assert "The figure energy_latency could not be made: ZeroDivisionError: planted" in html
    assert "The audit could not be made" in html
    assert "<h2>Every configuration</h2>" in html
    assert any("planted" in p for p in report.problems)


@pytest.mark.usefixtures("sketches")
def test_an_unreadable_environment_and_anchors_are_sentences(tmp_path: Path) -> None:
    folder = fabricated.write_csv_run(tmp_path / "run", fabricated.table(**SMALL))
    (folder / "environment.json").write_text("{not json")
    (folder / "anchors.csv").write_bytes(b"")
    report = build_report([folder], bootstrap=False)
    assert "environment.json must hold JSON" in report.html.read_text(encoding="utf-8")
    assert any("anchors" in p for p in report.problems)


@pytest.mark.usefixtures("sketches")
def test_untrained_weights_get_the_way_to_the_cheapest_configuration_with_every_step(tmp_path: Path) -> None:
    rows = fabricated.table(lengths=(48, 128), depths=(12,))
    rows = rows[(rows["precision"] == "fp32") | (rows["max_seq_len"] == 48)]
    rows = pd.concat([rows, rows.tail(1).assign(precision="fp8", batch_size=218, trial_id="fp8")])
    rows.loc[rows["trial_id"] == "fp8", "energy_j_per_example"] /= 2  # cheapest, but no step leads to it
    report, html = report_of(tmp_path / "run", rows.assign(accuracy=None, correct_bits=None, f1=None))
    assert "Energy and latency only: no accuracy is known" in html
    assert "Accuracy kept?" not in html
    assert "Energy and latency only" in report.markdown.read_text(encoding="utf-8")
    assert (report.folder / "figures" / "saving.png").is_file()
    assert re.search(r"less energy \(chosen on one trial, not confirmed\): length [\d.]+×, precision [\d.]+×", html)


@pytest.mark.usefixtures("sketches")
def test_a_single_repeat_is_called_what_it_is(tmp_path: Path) -> None:
    rows = pd.concat([fabricated.table(**SMALL), fabricated.table(**SMALL, replicates=2).tail(1)])
    _, html = report_of(tmp_path / "run", rows)
    assert "One configuration was measured twice and no other was repeated" in html
    assert "from how separate trials of the only configuration that was repeated differ (1 degree of freedom)" in html
    assert "measured once; as separate trials of other configurations at its power differed" in html
