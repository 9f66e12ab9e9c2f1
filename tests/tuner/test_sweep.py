"""Sweeps through Ray Tune on the demo task: the API, a driver killed while measuring (in fine-tuning: tests/faults), a
failing trial, the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.report.build import build_report
from search_spaces.errors import UsageError
from search_spaces.presets import DEMO
from search_spaces.sweep_config import Axes, Finetuning, MeasuringOptions
from tests.make.exports import check_answers
from trainables.digest import digest_of
from trainables.model.loading import load_checkpoint
from trainables.tasks import get_task
from tuner import sweep
from tuner.cli import run_command
from tuner.grid import main
from tuner.inputs import load_inputs
from tuner.run.folder import RunFolder, read_sweep

ROOT = Path(__file__).resolve().parents[2]
QUICK = replace(
    DEMO,
    axes=Axes(max_seq_len=(16, 32), depth=(1, 2), precision=("fp32",)),
    finetuning=Finetuning(epochs=2, train_examples=64, train_max_seq_len=32),
    measuring=MeasuringOptions(
        eval_examples=40, warmup_s=0.02, min_window_s=0.02, min_windows=3, min_total_s=0.1, max_measure_s=0.2
    ),
)
GRID = ["--max-seq-len", "16", "24", "32", "--depth", "1", "2", "3", "4", "--precision", "fp32"]
TUNING = ["--epochs", "2", "--train-examples", "64", "--eval-examples", "40"]
TIMES = ["--warmup-s", "0.2", "--min-window-s", "0.1", "--min-total-s", "0.4", "--max-measure-s", "0.5"]


def row_files(run: Path) -> dict[str, float]:
    """Trial folder -> time its row was written."""
    return {f.parent.name: f.stat().st_mtime for f in run.glob("ray/measure-*/*/row.json")}


def wait_for(condition, process, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def grid(*arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tuner.grid", "--no-confirm", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@pytest.mark.ray
def test_a_sweep_from_python_gives_a_folder_and_a_table(tmp_path):
    result = sweep.run(QUICK, tmp_path / "run", confirm=False)
    assert result.complete
    assert len(result.rows) == 4
    assert set(result.rows["status"]) == {"ok"}
    assert set(result.rows["energy_source"]) == {"estimate"}
    assert set(zip(result.rows["max_seq_len"], result.rows["depth"], strict=True)) == {
        (16, 1), (16, 2), (32, 1), (32, 2)
    }  # fmt: skip
    assert read_sweep(result.path) == QUICK
    checkpoint = result.path / "checkpoints" / "demo-demo-bert-s42"
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {p.name for p in checkpoint.iterdir()}
    assert json.loads((result.path / "environment.json").read_text())["packages"]["ray"]
    one_process = result.rows["worker"].nunique() == 1
    assert one_process, "the actor must be reused across trials"
    (weights,), (recipe,), (data,) = (result.rows[f"{what}_digest"].unique() for what in ("weights", "recipe", "data"))
    files, _ = load_checkpoint(str(checkpoint), get_task("demo").head, ("negative", "positive"))
    assert weights == digest_of(files.weights)
    inputs = load_inputs(QUICK)
    assert (recipe, data) == (inputs.first.recipe_digest, inputs.data_digest)
    check_answers(result.path, result.rows["trial_id"].iloc[0], tmp_path / "deployed")


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_run_is_finished_without_repeating_a_trial(tmp_path):
    run = tmp_path / "run"
    first = grid("--output-dir", str(run), *GRID, *TUNING, *TIMES)
    wait_for(lambda: len(row_files(run)) >= 4, first)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    time.sleep(1)  # Ray's own processes notice and end
    before = row_files(run)
    assert 4 <= len(before) < 12

    listed, _ = grid("--resume", str(run), "--dry-run").communicate(timeout=60)
    assert set(listed.split()) & set(before) == set()

    second = grid("--resume", str(run))
    out, err = second.communicate(timeout=200)
    assert second.returncode == 0, err
    after = row_files(run)
    assert {name: after[name] for name in before} == before
    assert len(after) == 12
    started_twice = [f for f in run.glob("ray/measure-*/*/") if f.name in before and f.parent.name != "measure-0"]
    assert started_twice == []
    assert len(list(run.glob("ray/finetune-*"))) == 1
    assert (run / "report.html").is_file()
    assert "12" in out


@pytest.mark.ray
def test_a_failing_trial_is_a_row_and_the_others_go_on(tmp_path):
    config = replace(QUICK, axes=replace(QUICK.axes, max_seq_len=(16,), depth=(1,), backend=("eager", "cuda_graph")))
    result = sweep.run(config, tmp_path / "run", confirm=False)
    rows = result.rows.set_index("backend")
    assert rows.loc["eager", "status"] == "ok"
    assert rows.loc["cuda_graph", "status"] == "failed"
    assert rows.loc["cuda_graph", "error"].startswith("BackendError: CUDA graphs need a CUDA device")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "sst3"], "a preset must be one of demo, demo-engines, sst2"),
        (["--task", "cola"], "cola"),
        (["--precision", "fp99"], "precision must be one of fp32, tf32, bf16, fp16, int8, fp8, but got 'fp99'"),
        (["--max-seq-len", "1024"], "max_seq_len must be between 8 and 512 tokens, but got 1024"),
        (["--max-seq-len", "128"], "max_seq_len must be at most 80"),
        (["--depth", "5"], "depth must be at most 4, the layers of demo-bert, but got 5"),
        (["--depth"], "the axis depth must have at least one value"),
        (["--preset", "sst2", "--model", "./nowhere"], "must be a hub id or an existing folder, but got './nowhere'"),
        (["--task", "sst2", "--data-dir", "./nowhere"], "nowhere"),
        (
            ["--model", "demo-bert", "here/demo-bert"],
            "['demo-bert', 'here/demo-bert']; name them, as in first=demo-bert",
        ),
        (["--model", "demo-bert", "b=./nowhere"], "must be a hub id or an existing folder, but got './nowhere'"),
        (["--checkpoint", "./nowhere"], "must be a hub id or an existing folder, but got './nowhere'"),
        (["--resume", "./nowhere"], "tuner.search), but nowhere does not exist; give an earlier --output-dir"),
        (["--output-dir", "tests"], "--output-dir must be new or empty, but tests is not empty"),
        (["--output-dir", "Makefile"], "--output-dir must be a folder"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(arguments, message, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: main(arguments))
    check_mistake(ended.value.code, capsys.readouterr().err, message)


def test_a_users_mistake_ends_the_process_so():
    done = grid("--output-dir", "tests")  # found after all imports: none of them says anything on stderr
    _, err = done.communicate(timeout=100)
    check_mistake(done.returncode, err, "--output-dir must be new or empty, but tests is not empty")


def check_mistake(code, err, message):
    assert code == 2, err
    assert err.startswith("error: ")
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


def test_malformed_arguments_exit_with_2():
    done = grid("--max-seq-len", "sixteen")
    _, err = done.communicate(timeout=60)
    assert done.returncode == 2
    assert "--max-seq-len" in err


@pytest.mark.seconds
def test_a_dry_run_lists_the_trials_and_runs_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["--dry-run", "--max-seq-len", "16", "32", "--depth", "1", "--replicates", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 2 * 2 + 3
    baseline = "demo-demo-bert-s42-len32-depth1-fp32-b64-max_length-eager"
    assert lines[8:10] == [
        f"confirm {baseline}: 3 fresh trials, in turn with",
        "confirm the cheapest that keeps accuracy: 3 fresh trials, and as many of 2 runners-up that could win",
    ]
    assert lines[-1].startswith("8 trials and at most 12 to confirm the choice, about ")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "new.tsv").write_text("text\tlabel\nthe plot was dull dull\tnegative\nso great great\tpositive\n")
    assert main(["--dry-run", "--max-seq-len", "16", "--depth", "1", "--confirm-data", "new.tsv"]) == 0
    assert "confirm accuracy: on 2 fresh examples of new.tsv" in capsys.readouterr().out.splitlines()
    (tmp_path / "new.tsv").unlink()
    assert main(["--dry-run", "--no-confirm", "--max-seq-len", "16", "--depth", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("2 trials, about ")


@pytest.mark.ray
@pytest.mark.slow
def test_a_sweep_ends_with_fresh_trials_of_what_it_chose_in_one_process(tmp_path):
    """No text has 40 tokens, so both lengths answer alike; a fresh trial answers the fresh examples, too."""
    (tmp_path / "new.tsv").write_text("text\tlabel\n" + "".join(f"great film number {i}\t1\n" for i in range(300)))
    config = replace(
        QUICK,
        axes=replace(QUICK.axes, max_seq_len=(40, 80), depth=(1,)),
        measuring=replace(QUICK.measuring, eval_examples=400),
        confirm_data=str(tmp_path / "new.tsv"),
    )
    result = sweep.run(config, tmp_path / "run")
    assert result.complete
    swept, fresh = (result.rows[result.rows["purpose"] == purpose] for purpose in ("sweep", "confirm"))
    assert len(swept) == 2
    assert swept["fresh_examples"].isna().all()
    assert fresh.sort_values("started_at")["max_seq_len"].tolist() == [80, 40, 80, 40, 40, 80]
    assert set(fresh["fresh_examples"]) == {300}
    assert fresh["worker"].nunique() == 1
    assert set(fresh["status"]) == {"ok"}
    assert fresh["started_at"].min() > swept["started_at"].max()
    (assessment,) = build_report([result.path], bootstrap=False).assessments
    confirmed = assessment.confirmation.value
    assert confirmed.choice["max_seq_len"] == 40
    assert (confirmed.accuracy.examples, confirmed.accuracy.lost, confirmed.accuracy.not_worse) == (300, 0, True)
    assert len(assessment.clean) == 2


def test_a_run_folder_is_locked_and_never_written_over(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.begin(QUICK)
    for again in (RunFolder.resume, lambda run: RunFolder.create(run, overwrite=True)):
        with pytest.raises(UsageError, match="one driver at a time"):
            again(tmp_path / "run")
    folder.close()
    with pytest.raises(UsageError, match="holds another run; go on with it by --resume"):
        RunFolder.create(tmp_path / "run")
    (tmp_path / "run" / "report.html").write_text("old")
    new = RunFolder.create(tmp_path / "run", overwrite=True)
    assert (tmp_path / "run" / "report.html").exists(), "nothing moves before the new run begins"
    moved = new.make_room("T")
    new.begin(QUICK)
    assert not (tmp_path / "run" / "report.html").exists()
    assert (moved / "report.html").read_text() == "old"
    with pytest.raises(UsageError, match="one driver at a time"):
        RunFolder.resume(tmp_path / "run")
    RunFolder.resume(moved).close()
    new.close()


def test_a_folder_that_is_no_run_is_never_overwritten(tmp_path):
    (tmp_path / "thesis.tex").write_text("irreplaceable")
    with pytest.raises(UsageError, match="is not empty"):
        RunFolder.create(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").exists()
