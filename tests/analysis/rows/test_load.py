import base64
import json

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.rows import ray_folder
from search_spaces.errors import UsageError
from tests.make.rows import row, write_trial
from trainables.energy.meter import Sample
from trainables.energy.trace import Trace
from trainables.rows.columns import COLUMNS, TRACE
from trainables.rows.file import ROW_FILE, seal
from trainables.rows.finished import damaged_trials, finished_trials, stored_row

WINDOWS = [[0.0, 1.0, 2, 20.0, 19.0, 0.1], [1.0, 1.0, 2, 22.0, 21.0, 0.1]]


def test_rows_of_a_run_keep_the_trials_own_names_and_types(tmp_path):
    run = tmp_path / "sst2"
    write_trial(run / "ray/measure-0", row(48, precision="fp16", energy=0.02), windows=WINDOWS)
    write_trial(run / "ray/measure-0", row(128, energy=0.4))
    rows = analysis.load(run)
    assert list(rows["trial_id"]) == [
        "sst2-bert-base-s42-len48-depth12-fp16-b64-max_length-eager-r0",
        "sst2-bert-base-s42-len128-depth12-fp32-b64-max_length-eager-r0",
    ]
    assert set(COLUMNS) < set(rows.columns)
    assert set(rows["run"]) == {"sst2"}
    assert rows["max_seq_len"].dtype == "int64"
    assert rows["energy_j_per_example"].dtype == "float64"
    assert rows["f1"].isna().all()
    assert list(rows["flags"]) == ["", ""]
    assert list(rows["error"]) == ["", ""]


def test_a_sealed_row_wins_over_rays_file_and_a_damaged_one_counts_as_not_measured(tmp_path):
    run = tmp_path / "run"
    for length in (16, 24, 32, 40):
        write_trial(run / "ray/measure-0", row(length, energy=0.1))
    folders = sorted((run / "ray/measure-0").iterdir())
    sealed = [seal(row(length, energy=0.2)) for length in (16, 24, 32, 40)]
    (folders[0] / ROW_FILE).write_text(sealed[0])
    (folders[1] / ROW_FILE).write_text(sealed[1][: len(sealed[1]) // 2])
    (folders[2] / ROW_FILE).write_text(sealed[2].replace("0.2", "0.3"))
    (folders[3] / ROW_FILE).write_bytes(b"\xff\xfe")
    rows = analysis.load(run)
    assert list(rows["energy_j_per_example"]) == [0.2]
    assert list(finished_trials(run)) == [row(16)["trial_id"]]
    damage = damaged_trials(run)
    assert set(damage) == {f"measure-0/{f.name}" for f in folders[1:]}
    assert damage[f"measure-0/{folders[2].name}"].startswith("the row file was changed after it was written")
    assert sum(f"{name}: {what}" in note for note in rows.attrs["notes"] for name, what in damage.items()) == 3


def test_a_report_reads_the_files_of_a_run_once(tmp_path, monkeypatch):
    run, opened = tmp_path / "run", []
    write_trial(run / "ray/measure-0", row(16, energy=0.1), windows=WINDOWS)
    monkeypatch.setattr(ray_folder, "stored_row", lambda folder: opened.append(folder) or stored_row(folder))
    with ray_folder.reading_once():
        assert len(analysis.load(run)) == 1
        assert len(analysis.load_windows(run)) == 2
        assert len(opened) == 1
    analysis.load(run)
    analysis.load(run)
    assert len(opened) == 3


def test_latency_interval_comes_from_the_windows(tmp_path):
    windows = [[0.0, 1.0, 2, 1, 1, 0], [1.0, 1.2, 2, 1, 1, 0]]  # 872 x 2 examples: latencies 1/1744, 1.2/1744 s
    write_trial(tmp_path / "ray/measure-0", row(), windows=windows)
    rows = analysis.load(tmp_path)
    spread = np.std([1000 / 1744, 1200 / 1744], ddof=1)
    assert rows["latency_ms_per_example_ci95"][0] == pytest.approx(12.7062 * spread / 2**0.5, rel=1e-4)


def test_unfinished_failed_and_repeated_trials(tmp_path):
    first, second = tmp_path / "ray/measure-0", tmp_path / "ray/measure-1"
    write_trial(first, row(16, energy=0.1))
    write_trial(first, None, config=row(24), error="RuntimeError: CUDA error: an illegal memory access")
    write_trial(first, None, config=row(32), error="RuntimeError: died, but ran again later")
    write_trial(first, row(40, status="oom", energy=None, error="OutOfMemoryError: 80 GiB"), timestamp=9.0)
    write_trial(first, None, config=row(48))  # started, killed
    write_trial(first, row(64, energy=0.5), timestamp=1.0)
    write_trial(second, row(32, energy=0.3))
    write_trial(second, row(40, energy=0.4), timestamp=2.0)
    write_trial(second, row(64, energy=0.6), timestamp=2.0)
    rows = analysis.load(tmp_path).set_index("max_seq_len")
    assert rows["status"].to_dict() == {16: "ok", 24: "failed", 32: "ok", 40: "ok", 64: "ok"}
    assert rows["error"][24] == "RuntimeError: CUDA error: an illegal memory access"
    assert rows["precision"][24] == "fp32"
    assert rows["energy_j_per_example"][40] == 0.4  # ok beats the newer failure
    assert rows["energy_j_per_example"][64] == 0.6  # of two ok rows the newer
    assert rows.attrs["notes"] == [
        f"{tmp_path.name}: 1 rows have the trial of another row of the folder: the newest of each counts",
        f"{tmp_path.name}: 1 trials were started and have no result yet",
    ]
    assert rows.attrs["folders"] == {tmp_path.name: str(tmp_path)}


def test_a_line_cut_off_by_a_kill_is_not_a_result(tmp_path):
    experiment = tmp_path / "ray/measure-0"
    write_trial(experiment, row(16), tail='{"trial_id": "x", "status": "ok", "max_seq')
    write_trial(experiment, None, config=row(24), tail='{"trial_id": "x", "sta')
    assert list(analysis.load(tmp_path)["max_seq_len"]) == [16]


def test_an_unreadable_state_file_falls_back_on_the_trials(tmp_path):
    write_trial(tmp_path / "ray/measure-0", row(16))
    (tmp_path / "ray/measure-0/experiment_state-2026-01-01_00-00-00.json").write_text('{"cut o')
    rows = analysis.load(tmp_path)
    assert len(rows) == 1
    assert "Ray's state is unreadable" in rows.attrs["notes"][0]


def test_several_folders_with_one_name_are_told_apart(tmp_path):
    for started_at, parent in enumerate("ab"):
        write_trial(tmp_path / parent / "run/ray/measure-0", row(started_at=1000.0 * (1 + started_at)))
    rows = analysis.load(tmp_path / "a/run", tmp_path / "b/run")
    assert list(rows["run"]) == ["a/run", "b/run"]


def test_csv_and_parquet_give_back_the_same_rows(tmp_path):
    run = tmp_path / "run"
    write_trial(run / "ray/measure-0", row(48, energy=0.02), windows=WINDOWS)
    write_trial(run / "ray/measure-0", row(64, energy=None, status="oom", error="OutOfMemoryError"))
    rows = analysis.load(run)
    kept = tmp_path / "kept" / "run"
    written = analysis.write_tables(kept, rows, sources=[run])
    assert [f.name for f in written] == ["results.csv", "results.parquet", "windows.parquet"]
    for again in (analysis.load(kept), analysis.load(kept / "results.csv")):
        pd.testing.assert_frame_equal(
            again.drop(columns="run"), rows.drop(columns="run"), check_dtype=True, check_like=True
        )
    assert len(analysis.load_windows(kept)) == 2


def test_windows_environment_finetunings_and_anchors(tmp_path):
    write_trial(
        tmp_path / "ray/measure-0",
        row() | {"anchor": {"energy_j_per_example": 0.1, "started_at": 5.0}},
        windows=WINDOWS,
    )
    (tmp_path / "environment.json").write_text('{"gpu": "H100"}')
    tuning = tmp_path / "ray/finetune-0/t"
    tuning.mkdir(parents=True)
    lines = [{"task": "sst2", "model": "m", "seed": 1, "epoch": e, "accuracy": 0.8 + e / 100} for e in (1, 2)]
    (tuning / "result.json").write_text("\n".join(map(json.dumps, lines)))
    windows = analysis.load_windows(tmp_path)
    assert list(windows["energy_j"]) == [20.0, 22.0]
    assert list(windows["window"]) == [0, 1]
    assert analysis.load_environment(tmp_path) == {"gpu": "H100"}
    assert analysis.load_finetune(tmp_path).to_dict("records")[0] | {} == lines[1]
    assert list(analysis.load_anchors(tmp_path)["energy_j_per_example"]) == [0.1]
    assert analysis.load_anchors(tmp_path)["started_at"][0] == 5.0


def test_energy_is_recomputed_from_the_trace(tmp_path):
    """A constant 100 W for two windows of 1 s, two passes of 872 examples each: 200 J / 3488."""
    samples = [Sample(time_s=7 + t / 100, read_s=0.0, power_w=100.0) for t in range(300)]
    trace = Trace.from_samples(samples, source="nvml_power", tick_s=0.1)
    truth = 200 / (872 * 4)
    result = row(energy=truth) | {TRACE: base64.b64encode(trace.to_parquet_bytes()).decode()}
    windows = [[0.5, 1.0, 2, 100.0, 100.0, 0.0], [1.5, 1.0, 2, 100.0, 100.0, 0.0]]
    write_trial(tmp_path / "ray/measure-0", result, windows=windows)
    again = analysis.recompute(tmp_path).iloc[0]
    assert again["from_windows_j_per_example"] == pytest.approx(truth)
    assert again["from_trace_j_per_example"] == pytest.approx(truth)
    assert again["relative_difference"] == pytest.approx(0, abs=1e-9)
    assert len(next(iter(analysis.load_traces(tmp_path).values()))) == 300


def test_a_foreign_table_is_mapped_and_completed():
    published = "analysis/data/l4_published.csv"
    rows = analysis.load(published, columns={"peak_gpu_memory_mb": "peak_gpu_memory_mib"})
    assert len(rows) == 64
    assert rows["peak_gpu_memory_mib"].notna().all()
    assert set(rows["status"]) == {"ok"}
    assert rows["trial_id"].is_unique
    assert set(rows["sweep"]) == {"seq_len", "precision_x_seq_len", "depth", "precision"}


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        ("task,max_seq_len,depth,precision\nsst2,16,2,fp32\n", None, "lacks energy_j_per_example"),
        ("a,b\n1,2\n", {"c": "task"}, "has no c"),
        ("task,max_seq_len,depth,precision,energy_j_per_example\n", None, "is empty"),
        ("task,max_seq_len,depth,precision,energy_j_per_example\nx,16,2,fp32,lots\n", None, "'lots'"),
        ("task,max_seq_len,depth,precision,energy_j_per_example\nx,16.5,2,fp32,1\n", None, "whole number"),
    ],
)
def test_a_bad_table_is_one_sentence(tmp_path, content, columns, message):
    file = tmp_path / "rows.csv"
    file.write_text(content)
    with pytest.raises(UsageError, match=message):
        analysis.load(file, columns=columns)


def test_not_a_run_folder_and_no_finished_trial(tmp_path):
    with pytest.raises(UsageError, match="there is no"):
        analysis.load(tmp_path / "absent")
    with pytest.raises(UsageError, match="must hold ray/measure-0"):
        analysis.load(tmp_path)
    write_trial(tmp_path / "ray/measure-0", None, config=row())
    with pytest.raises(UsageError, match=r"none of the 1 trials .* --resume"):
        analysis.load(tmp_path)
    with pytest.raises(UsageError, match="at least one"):
        analysis.load()


@pytest.mark.ray
def test_a_real_tune_experiment_is_read_also_after_it_moved(tmp_path, monkeypatch):
    """Ray's own files: one good trial, one that raises, and one whose result only its file knows."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    import ray
    from ray import tune

    class Probe(tune.Trainable):
        def setup(self, config):
            self.job = config["job"]

        def reset_config(self, config):
            self.job = config["job"]
            return True

        def step(self):
            if self.job["max_seq_len"] == 24:
                raise RuntimeError("no such luck")
            return row(self.job["max_seq_len"], energy=0.1) | {"done": True}

        def save_checkpoint(self, folder): ...
        def load_checkpoint(self, folder): ...

    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        tune.Tuner(
            Probe,
            param_space={"job": tune.grid_search([row(16), row(24)])},
            tune_config=tune.TuneConfig(reuse_actors=True),
            run_config=tune.RunConfig(
                name="measure-0",
                storage_path=str(tmp_path / "run" / "ray"),
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        ).fit()
    finally:
        ray.shutdown()
    write_trial(tmp_path / "run/ray/measure-0", row(32, energy=0.2), name="unknown_to_the_state")
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    rows = analysis.load(moved.name).set_index("max_seq_len")  # a relative path: Ray alone would refuse it
    assert rows.attrs["notes"] == []
    assert rows["status"].to_dict() == {16: "ok", 24: "failed", 32: "ok"}
    assert rows["error"][24] == "RuntimeError: no such luck"
    assert rows["trial_id"][16].startswith("sst2-bert-base-s42-len16")


def foreign(tmp_path, **columns):
    table = pd.DataFrame({"task": "squad", "max_seq_len": [128, 256], "depth": 12, "precision": "fp32"} | columns)
    (tmp_path / "theirs.csv").write_text(table.assign(energy_j_per_example=[0.1, 0.2]).to_csv(index=False))
    return analysis.load(tmp_path / "theirs.csv")


def test_scores_in_percent_are_divided_by_a_hundred_and_that_is_said(tmp_path):
    rows = foreign(tmp_path, f1=[88.36, 90.0], inputs_per_example=[1.5, 1.1])
    assert list(rows["f1"]) == pytest.approx([0.8836, 0.9])
    assert "theirs.csv: f1 is given in percent (88.36 to 90) and was divided by 100" in rows.attrs["notes"]


@pytest.mark.parametrize("scores", [[0.9, 90.0], [1.2, 1.3], [120.0, 90.0]])
def test_what_may_be_a_slip_is_refused(tmp_path, scores):
    with pytest.raises(UsageError, match="f1 must be a number between 0 and 1"):
        foreign(tmp_path, f1=scores)


def test_exact_match_without_the_number_of_inputs_is_pointed_out(tmp_path):
    said = "2 of 2 rows are scored by exact match and do not say inputs_per_example: one model input per question"
    assert any(said in note for note in foreign(tmp_path, exact_match=[0.8, 0.81]).attrs["notes"])
    known = foreign(tmp_path, exact_match=[0.8, 0.81], inputs_per_example=[1.5, 1.1])
    assert not any("inputs_per_example" in note for note in known.attrs["notes"])
