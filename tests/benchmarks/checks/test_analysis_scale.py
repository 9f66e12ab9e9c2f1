"""The analysis-scale check, on few rows: both processes say what they read, and are judged."""

import pytest

from benchmarks.checks.analysis_scale import ANALYSIS_SCALE
from benchmarks.checks.analysis_scale.step import LIMITS_S, STEP
from benchmarks.checks.analysis_scale.synthetic import rows


def test_a_synthetic_sweep_is_a_whole_grid_of_every_replicate():
    table = rows(960)
    axes = ["max_seq_len", "depth", "precision"]
    assert table.groupby(axes).size().tolist() == [2] * 480
    assert table["replicate"].tolist() == [0] * 480 + [1] * 480
    assert table.loc[0, "energy_j_per_example"] > table.loc[360, "energy_j_per_example"]  # fp32, fp16


@pytest.mark.seconds
def test_tables_are_timed_and_judged(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(LIMITS_S, "tables", 99.0)  # the machine may be busy
    rows(960).to_csv(tmp_path / "rows.csv", index=False)
    assert STEP.main(["tables", str(tmp_path / "rows.csv")]) == 0
    said = capsys.readouterr().out
    assert "bar met: tables, 960 rows, 480 configurations (s): " in said
    assert said.count(" of CPU)") == 7
    monkeypatch.setitem(LIMITS_S, "tables", 0.0)
    assert STEP.main(["tables", str(tmp_path / "rows.csv")]) == 1


@pytest.mark.seconds
def test_the_exit_code_is_that_of_the_processes(monkeypatch):
    monkeypatch.setattr("benchmarks.checks.analysis_scale.run.LIMITS_S", {"tables": 3.0, "unheard of": 3.0})
    assert ANALYSIS_SCALE.main(["--rows", "480"]) != 0
