"""The files of a report: which, where, of which runs."""

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.report.build import build_report, write_report
from analysis.report.report import Report
from search_spaces.errors import UsageError
from tests.analysis.report.reports import SMALL
from tests.make import rows as fabricate
from tests.make import runs as fabricated


@pytest.mark.seconds
def test_the_files_of_a_run_are_written(full: tuple[Report, str]) -> None:
    report, _ = full
    names = [
        "results.csv",
        "results.parquet",
        "pareto.csv",
        "energy_model.json",
        "recommendation.json",
        "report.html",
        "report.md",
    ]
    for name in names:
        assert (report.folder / name).stat().st_size > 0
    drawn = {p.name for p in (report.folder / "figures").iterdir()}
    assert {"accuracy_energy_length.png", "accuracy_latency_all.svg", "energy_model.svg"} <= drawn
    assert len(drawn) == len(report.figures) == 30
    (model,) = json.loads((report.folder / "energy_model.json").read_text(), parse_constant=pytest.fail)
    assert model["common"]["backend"] == "eager"
    assert not [p for p in report.folder.rglob("*") if ".tmp" in p.name]


@pytest.mark.seconds
@pytest.mark.usefixtures("sketches")
def test_three_objectives_reach_the_pareto_file(tmp_path: Path) -> None:
    names = ("accuracy", "energy_j_per_example", "peak_gpu_memory_mib")
    folder = fabricated.write_csv_run(tmp_path / "run", fabricated.table(**SMALL))
    page = write_report([folder], names, output=tmp_path / "out")
    assert page == tmp_path / "out" / "report.html"
    pareto = pd.read_csv(tmp_path / "out" / "pareto.csv")
    assert ";".join(names) in set(pareto["objectives"])


@pytest.mark.seconds
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


@pytest.mark.seconds
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
