"""The report: every part on plausible runs, a sentence where a part cannot be made, and nothing unescaped."""

import json
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from analysis.report.build import Report, build_report, main, write_report
from analysis.report.gallery import times
from analysis.report.page import environment_rows, markdown_text
from analysis.report.summary import summary
from search_spaces.errors import UsageError
from search_spaces.trial_config import TrialConfig
from tests.make import rows as fabricate
from tests.make import runs as fabricated

NASTY = "<script>window.pwned=1</script><img src=x onerror=alert(1)>\"'&"
SMALL = {"lengths": (16, 48, 64, 128), "depths": (10, 12)}
PARTS = ("Frontiers", "Every configuration", "Energy models", "Against the card", "Audit of claims")
PAGE_PARTS = ("Flags and exclusions", "Environment", "How it was measured")


class Tags(HTMLParser):
    """Tag names with their attributes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(html)
    return parser.found


def report_of(folder: Path, rows: pd.DataFrame, **settings: object) -> tuple[Report, str]:
    fabricated.write_csv_run(folder, rows)
    report = build_report([folder], bootstrap=False, **settings)  # type: ignore[arg-type]
    return report, report.html.read_text(encoding="utf-8")


@pytest.fixture
def sketches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures as empty files, for tests of something else: drawing is most of a report's time."""

    def sketch(figure: object, folder: Path, name: str) -> tuple[Path, Path]:
        folder.mkdir(parents=True, exist_ok=True)
        files = folder / f"{name}.png", folder / f"{name}.svg"
        for file in files:
            file.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        return files

    monkeypatch.setattr("analysis.report.gallery.save", sketch)
    for name in ("tradeoff", "energy_model", "reference", "drift", "waterfall"):
        monkeypatch.setattr(f"analysis.figures.{name}", lambda *args, **kwargs: None)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, str]:
    """40 trials and 2 anchored cards, with front probabilities."""
    folder = tmp_path_factory.mktemp("full") / "run"
    fabricated.write_csv_run(folder, fabricated.table())
    fabricated.anchors().to_csv(folder / "anchors.csv", index=False)
    report = build_report([folder])
    return report, report.html.read_text(encoding="utf-8")


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


def test_the_files_of_a_run_are_written(full: tuple[Report, str]) -> None:
    report, _ = full
    names = ("results.csv", "results.parquet", "pareto.csv", "energy_model.json", "report.html", "report.md")
    for name in names:
        assert (report.folder / name).stat().st_size > 0
    drawn = {p.name for p in (report.folder / "figures").iterdir()}
    assert {"accuracy_energy_length.png", "accuracy_latency_all.svg", "energy_model.svg"} <= drawn
    assert len(drawn) == len(report.figures) == 30
    (model,) = json.loads((report.folder / "energy_model.json").read_text(), parse_constant=pytest.fail)
    assert model["common"]["backend"] == "eager"
    assert not [p for p in report.folder.rglob("*") if ".tmp" in p.name]


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


def test_one_row_makes_a_report_that_says_what_it_lacks(tmp_path: Path) -> None:
    rows = fabricated.table(lengths=(64,), depths=(12,), precisions=("fp16",))
    report, html = report_of(tmp_path / "run", rows)
    for part in (*PARTS, *PAGE_PARTS):
        assert f"<h2>{part}</h2>" in html
    assert "Stay with <em>fp16 · 64 tokens · 12 layers</em>" in html
    assert "the run holds one depth only" in html
    assert "cannot be fitted" in html
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
    monkeypatch.setattr("analysis.figures.tradeoff", broken)
    monkeypatch.setattr("analysis.report.page.check_claims", broken)
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


def test_a_task_of_hostile_name_is_drawn_and_escaped(tmp_path: Path) -> None:
    rows = fabricated.table(lengths=(48, 128), depths=(12,), task=NASTY, model="$x^{")
    report, html = report_of(tmp_path / "run", rows)
    assert [tag for tag, _ in tags(html)].count("script") == 1
    assert report.problems == []


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
    assert re.search(r"less energy: length [\d.]+×, precision [\d.]+×", html)


@pytest.mark.usefixtures("sketches")
def test_three_objectives_reach_the_pareto_file(tmp_path: Path) -> None:
    names = ("accuracy", "energy_j_per_example", "peak_gpu_memory_mib")
    folder = fabricated.write_csv_run(tmp_path / "run", fabricated.table(**SMALL))
    page = write_report([folder], names, output=tmp_path / "out")
    assert page == tmp_path / "out" / "report.html"
    pareto = pd.read_csv(tmp_path / "out" / "pareto.csv")
    assert ";".join(names) in set(pareto["objectives"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "needs at least one run"),
        (["{run}/nothing-here"], "check the path"),
        (["{run}", "--tolerance", "2"], "tolerance must be a fraction"),
        (["{run}", "--objectives", "accuracy"], "two or three different"),
        (["{run}", "--objectives", "accuracy", "speed"], "must be one of"),
        (["{run}", "--columns", "oops"], "THEIRS=OURS"),
        (["{run}", "--output", "{run}/results.csv"], "give --output DIR"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    run = fabricated.write_csv_run(tmp_path / "run", fabricated.table(lengths=(48, 128), depths=(12,)))
    assert main([a.replace("{run}", str(run)) for a in arguments]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("sketches")
def test_a_csv_file_gets_a_folder_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    fabricated.table(lengths=(48, 128), depths=(12,)).to_csv(file, index=False)
    before = file.read_bytes()
    assert write_report([file]) == tmp_path / "rows-report" / "report.html"
    assert file.read_bytes() == before


def test_bad_objective_raises_before_anything_is_written(tmp_path: Path) -> None:
    folder = fabricated.write_csv_run(tmp_path / "run", fabricated.table(lengths=(48, 128), depths=(12,)))
    with pytest.raises(UsageError, match="must be one of"):
        build_report([folder], ("accuracy", "speed"))
    assert not (folder / "report.html").exists()


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    heavy = "{'pandas', 'numpy', 'matplotlib', 'torch', 'ray'}"
    code = (
        "import sys; sys.argv = ['report', '--help']\n"
        "import analysis.report.build\n"
        f"try: analysis.report.build.main()\nfinally: print(sorted({heavy} & set(sys.modules)))"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert time.perf_counter() - start < 5  # 0.4 s alone; the machine that runs the tests may be busy
    assert "--tolerance" in done.stdout
    assert done.stdout.strip().endswith("[]")


def test_environment_is_flattened_and_nulls_are_dashes() -> None:
    found = environment_rows({"gpus": [{"name": "H100", "x": None}], "command": ["--preset", "demo"], "e": {}})
    assert found == [("gpus 0 name", "H100"), ("gpus 0 x", "–"), ("command", "--preset demo")]


def test_markdown_text_is_text() -> None:
    assert markdown_text("a|b\n<i>*x*_") == "a\\|b &lt;i&gt;\\*x\\*\\_"


def test_ratios_of_titles() -> None:
    assert [times(v) for v in (1.956, 12.04, 230.4)] == ["1.96×", "12.0×", "230×"]


def two_cards(folder: Path) -> Path:
    """A run whose trials ran on two cards by chance, the second of which needs 2.4 % more."""
    rows = fabricated.table(replicates=2, **SMALL)
    second = rows.index % 3 == 0
    rows.loc[second, "gpu_uuid"] = fabricated.card_uuid(1)
    rows.loc[second, "energy_j_per_example"] *= 84 / 82
    return fabricated.write_csv_run(folder, rows)


@pytest.mark.usefixtures("sketches")
def test_cards_are_told_apart_by_their_anchors_and_it_is_said(tmp_path: Path) -> None:
    folder = two_cards(tmp_path / "run")
    fabricated.anchors(cards=2).to_csv(folder / "anchors.csv", index=False)
    report = build_report([folder], bootstrap=False)
    html = report.html.read_text(encoding="utf-8")
    assert "GPU-00000001 1.012, GPU-3f2a91c4 0.988" in html[: html.index("<h2>Frontiers</h2>")]
    bullets = html[html.index("<ul>") : html.index("</ul>")]
    assert bullets.count("<li>") == bullets.count(".</li>")  # sentences, each to its full stop
    assert "Over the cards&#39; mean" in html
    assert len(report.assessments[0].models) == 1
    raw = pd.read_csv(folder / "results.csv")
    assert list(raw["energy_j_per_example"]) == list(report.rows["energy_j_per_example"])  # as measured
    assert "card_factor" not in raw


@pytest.mark.usefixtures("sketches")
def test_cards_without_anchors_are_a_caveat_of_the_answer(tmp_path: Path) -> None:
    report = build_report([two_cards(tmp_path / "run")], bootstrap=False)
    html = report.html.read_text(encoding="utf-8")
    assert 'class="problem">Trials ran on 2 cards' in html
    assert "may be one between cards" in report.markdown.read_text(encoding="utf-8")
    assert len(report.assessments[0].models) == 2  # one fit per card
    models = json.loads((report.folder / "energy_model.json").read_text())
    assert len({m["common"]["gpu_uuid"] for m in models}) == 2


@pytest.mark.usefixtures("sketches")
def test_anchors_windows_and_finetunings_come_from_the_trials_of_every_run(tmp_path: Path) -> None:
    for number in (1, 2):
        run = tmp_path / f"r{number}"
        anchor = {"started_at": 5.0, "gpu_uuid": "GPU-1", "energy_j_per_example": 0.1, "mean_power_w": 600.0}
        fabricate.write_trial(
            run / "ray/measure-0",
            fabricate.row(48 * number) | {"anchor": anchor},
            windows=[[0.0, 2.0, 1, 20.0, 20.0, 0]],
        )
        fabricate.write_trial(run / "ray/measure-0", fabricate.row(128) | {"anchor": None})
        tuning = run / "ray/finetune-0/t"
        tuning.mkdir(parents=True)
        (tuning / "result.json").write_text(json.dumps({"task": "sst2", "model": "m", "seed": number, "epoch": 1}))
    report = build_report([tmp_path / "r1", tmp_path / "r2"], bootstrap=False)
    assert report.problems == []
    for name in ("anchors.csv", "finetune.csv"):
        assert list(pd.read_csv(report.folder / name)["run"]) == ["r1", "r2"]
    assert len(pd.read_parquet(report.folder / "windows.parquet")) == 2
    assert any("anchor_drift" in p.name for p in (report.folder / "figures").iterdir())
    alone = build_report([tmp_path / "r1"], bootstrap=False)
    assert list(pd.read_csv(alone.folder / "anchors.csv")["energy_j_per_example"]) == [0.1]


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


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    from analysis.files import replacing, write_text

    file = tmp_path / "deep" / "a.txt"
    write_text(file, "old")

    def fail() -> None:
        with replacing(file) as temporary:
            temporary.write_text("ne")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        fail()
    assert file.read_text() == "old"
    assert [p.name for p in file.parent.iterdir()] == ["a.txt"]


@pytest.mark.usefixtures("sketches")
def test_a_single_repeat_is_called_what_it_is(tmp_path: Path) -> None:
    rows = pd.concat([fabricated.table(**SMALL), fabricated.table(**SMALL, replicates=2).tail(1)])
    _, html = report_of(tmp_path / "run", rows)
    assert "One configuration was measured twice and no other was repeated" in html
    assert "each configuration&#39;s own error within its trials times one factor for all (energy: " in html
    assert "of the only configuration that was repeated differ more than their windows say (Birge ratio" in html
