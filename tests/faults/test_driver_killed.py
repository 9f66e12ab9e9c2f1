"""The driver is SIGKILLed at the worst moments: --resume completes, and nothing with a row runs again."""

import json

import pytest

from tests.faults.harness import (
    DEMO,
    GRID,
    TIMES,
    TRIALS,
    fault,
    finish,
    kill,
    resume_and_check,
    rows,
    run,
    stamps,
    start,
    wait_for,
    without_tuning,
)

pytestmark = pytest.mark.timeout(600)


def epochs(folder, number):
    (file,) = folder.glob(f"ray/finetune-{number}/*/result.json")
    return [json.loads(line)["epoch"] for line in file.read_text().splitlines()]


def test_in_fine_tuning_after_an_epoch(tmp_path):
    folder, marks = tmp_path / "run", tmp_path / "marks"
    slow = fault("finetune", "sleep:60", marks, trial="epoch 1")
    first = start("--output-dir", str(folder), *DEMO, faults=(slow,))
    wait_for(lambda: list(marks.iterdir()), first)
    kill(first, group=True)
    resume_and_check(folder, {})
    assert epochs(folder, 1) == [2], "the second epoch alone"
    assert not list(folder.glob("ray/finetune-*/*/checkpoint_*")), "checkpoints are dropped once the model is kept"


@pytest.mark.parametrize(("number", "group"), [(0, True), (TRIALS // 2, False), (TRIALS - 1, True)])
def test_in_a_measuring_trial(tmp_path, model, number, group):
    folder, marks = tmp_path / "run", tmp_path / "marks"
    slow = fault("measure", "sleep:60", marks, skip=number)
    first = start("--output-dir", str(folder), *without_tuning(model), faults=(slow,))
    wait_for(lambda: len(list(marks.iterdir())) == number + 1, first)
    kill(first, group)
    before = stamps(folder)
    assert len(before) == number
    resume_and_check(folder, before)


@pytest.mark.parametrize("at", ["state", "row"])
def test_while_state_or_a_row_is_written(tmp_path, model, at):
    folder = tmp_path / "run"
    deadly = fault(at, "kill", tmp_path / "marks", skip=2)
    first = start("--output-dir", str(folder), *without_tuning(model), faults=(deadly,), TUNE_GLOBAL_CHECKPOINT_S="0.1")
    finish(first)
    assert first.returncode == -9
    before = stamps(folder)
    assert len(before) < TRIALS
    resume_and_check(folder, before)


def test_whatever_ray_left_half_written_costs_nothing(tmp_path, model):
    """Ray copies its files over the older ones again and again: any of them may be cut short."""
    folder, marks = tmp_path / "run", tmp_path / "marks"
    slow = fault("measure", "sleep:60", marks, skip=4)
    first = start("--output-dir", str(folder), *without_tuning(model), faults=(slow,), TUNE_GLOBAL_CHECKPOINT_S="0.1")
    wait_for(lambda: len(list(marks.iterdir())) == 5, first)
    kill(first, group=True)
    cut = [f for f in folder.glob("ray/measure-0/**/*") if f.is_file() and f.name != "row.json"]
    assert {"result.json", "params.json"} <= {f.name for f in cut}
    assert any(f.name.startswith("experiment_state") for f in cut)
    for file in cut:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    before = stamps(folder)
    assert len(before) == 4
    resume_and_check(folder, before)
    assert len(rows(folder)) == TRIALS


def test_twice_in_a_row(tmp_path, model):
    folder, marks = tmp_path / "run", tmp_path / "marks"
    slow = fault("measure", "sleep:60", marks, skip=2, times=2)
    first = start("--output-dir", str(folder), *without_tuning(model), faults=(slow,))
    wait_for(lambda: len(list(marks.iterdir())) == 3, first)
    kill(first, group=False)
    second = start("--resume", str(folder), faults=(slow,))
    wait_for(lambda: len(list(marks.iterdir())) == 4, second)
    kill(second, group=False)
    before = stamps(folder)
    assert len(before) == 2
    resume_and_check(folder, before)


def test_a_run_that_is_complete_measures_nothing_more(tmp_path, model):
    folder = tmp_path / "run"
    assert run("--output-dir", str(folder), *without_tuning(model))[0] == 0
    before = stamps(folder)
    resume_and_check(folder, before)
    assert len(list(folder.glob("ray/*"))) == 1


def test_amid_the_fresh_trials_that_confirm_a_choice(tmp_path):
    folder, marks = tmp_path / "run", tmp_path / "marks"
    slow = fault("measure", "sleep:60", marks, skip=TRIALS + 2)
    options = ("--output-dir", str(folder), *GRID, *TIMES, "--random-weights", "--confirm")
    first = start(*options, faults=(slow,))
    wait_for(lambda: len(list(marks.iterdir())) == TRIALS + 3, first)
    kill(first, group=True)
    before, chosen = stamps(folder), (folder / "confirmation.json").read_text()
    assert len(before) == TRIALS + 2
    made = json.loads(chosen)["choices"][0]
    fresh = 3 * (2 + len(made["runners_up"]))
    resume_and_check(folder, before, None, "--confirm")
    after = json.loads((folder / "confirmation.json").read_text())["choices"][0]
    assert {**after, "sets": None} == {**made, "sets": None}
    # A machine so busy that it stops a load for a quarter of a second spoils a set: another whole one follows.
    assert after["sets"][: len(made["sets"])] == made["sets"]
    assert sum(row["purpose"] == "confirm" for row in rows(folder).values()) == fresh * len(after["sets"])
    assert "3 fresh trials of each" in (folder / "report.md").read_text()
