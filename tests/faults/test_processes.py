"""Trial processes die or run out of memory: tried again once in a fresh one, else a row that says why."""

import os

import pytest

from tests.faults.harness import DEMO, TIMES, TRIALS, fault, rows, run, stamps, without_tuning

pytestmark = pytest.mark.timeout(600)


def row(folder, words):
    """The row of the one trial whose name has the words."""
    (found,) = [r for name, r in rows(folder).items() if words in name]
    return found


def test_what_may_pass_is_tried_again_in_a_fresh_process_and_spares_the_others(tmp_path, model):
    folder = tmp_path / "run"
    faults = (
        fault("measure", "kill", tmp_path / "a", trial="len16-depth1"),
        fault("measure", "sensor", tmp_path / "b", trial="len16-depth2"),
        fault("measure", "cuda-oom", tmp_path / "c", trial="len16-depth3", times=2),
        fault("measure", "error", tmp_path / "d", trial="len24-depth1", times=2),
    )
    code, out, err = run("--output-dir", str(folder), *without_tuning(model), faults=faults)
    assert code == 1, err  # one row says failed
    found = rows(folder)
    assert len(found) == TRIALS
    killed, sensor = row(folder, "len16-depth1"), row(folder, "len16-depth2")
    for again, cause in ((killed, "the trial's process died: killed"), (sensor, "MeterError: NVML failed")):
        assert again["status"] == "ok"
        assert cause in again["tried_again_after"]
        same = [r for r in found.values() if r["worker"] == again["worker"]]
        assert min(same, key=lambda r: r["started_at"]) == again, "not the first trial of its process"
    memory = row(folder, "len16-depth3")
    assert memory["status"] == "oom"
    assert memory["error"] == "OutOfMemoryError: CUDA out of memory. Tried to allocate 80.00 GiB"
    hopeless = row(folder, "len24-depth1")
    assert (hopeless["status"], hopeless["error"]) == ("failed", "ValueError: this configuration cannot run")
    assert len(list((tmp_path / "d").iterdir())) == 1, "what cannot pass is not tried again"
    assert sorted(r["status"] for r in found.values()) == ["failed", "ok", "ok", "ok", "ok", "oom"]
    assert out.count("tried again in a fresh process") in (2, 3)  # memory: only if its process was a used one


def test_a_process_that_dies_twice_is_a_failed_row_and_stays_one_until_asked_for(tmp_path, model):
    folder = tmp_path / "run"
    deadly = fault("measure", "kill", tmp_path / "marks", trial="len16-depth1", times=2)
    code, _, _ = run("--output-dir", str(folder), *without_tuning(model), faults=(deadly,))
    assert code == 1
    lost = row(folder, "len16-depth1")
    assert lost["status"] == "failed"
    assert lost["error"].startswith("the trial's process died: killed from outside")
    assert lost["error"].endswith("(tried twice)")
    assert sum(r["status"] == "ok" for r in rows(folder).values()) == TRIALS - 1

    before = stamps(folder)
    assert run("--resume", str(folder))[0] == 1
    assert stamps(folder) == before, "a row on disk is not measured again"
    code, _, err = run("--resume", str(folder), "--retry-failed")
    assert code == 0, err
    after = stamps(folder)
    assert {n for n, s in after.items() if before[n] != s} == {n for n in before if "len16-depth1" in n}
    assert row(folder, "len16-depth1")["status"] == "ok"


def test_a_host_without_memory_is_told_from_a_crash(tmp_path):
    """Ray's memory monitor, made to find the host full at once, ends the trial's process both times."""
    folder = tmp_path / "run"
    code, _, err = run(
        "--output-dir", str(folder), "--random-weights", *TIMES,
        "--max-seq-len", "16", "--depth", "1", "--precision", "fp32",
        RAY_memory_usage_threshold="0.0001", RAY_memory_monitor_refresh_ms="100",
    )  # fmt: skip
    assert code in (0, 1), err
    (only,) = rows(folder).values()
    assert only["status"] == "oom"
    assert "the host ran out of memory" in only["error"]


def test_fine_tuning_whose_process_dies_goes_on_from_its_checkpoint(tmp_path):
    folder = tmp_path / "run"
    deadly = fault("finetune", "kill", tmp_path / "marks", trial="epoch 1")
    code, out, err = run("--output-dir", str(folder), *DEMO, faults=(deadly,))
    assert code == 0, err
    assert out.count("epoch 1 ") == 1, "the first epoch was not lost"
    assert out.count("epoch 2 ") == 1
    assert "tried again in a fresh process" in out


def test_fine_tuning_that_fails_twice_says_why(tmp_path):
    folder = tmp_path / "run"
    full = fault("finetune", "cuda-oom", tmp_path / "marks", times=2)
    code, _, err = run("--output-dir", str(folder), *DEMO, faults=(full,))
    assert code == 2
    assert "failed twice: torch.OutOfMemoryError: CUDA out of memory" in err.replace(os.linesep, " ")
    assert "Traceback" not in err.splitlines()[-1]
    assert f"--resume {folder}" in err
