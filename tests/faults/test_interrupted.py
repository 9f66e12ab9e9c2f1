"""Ctrl-C once is an orderly stop with a readable folder, twice an immediate one; both can be resumed."""

import os
import signal
import time

import pytest

import analysis
from tests.faults.harness import DEMO, fault, finish, resume_and_check, stamps, start, wait_for, without_tuning

pytestmark = pytest.mark.timeout(600)


def interrupt(process, sent=signal.SIGINT):
    """As a terminal does it: to every process of the group."""
    os.killpg(process.pid, sent)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_once_while_measuring(tmp_path, model, sent):
    folder, marks = tmp_path / "run", tmp_path / "marks"
    slow = fault("measure", "sleep:5", marks, skip=2)
    process = start("--output-dir", str(folder), *without_tuning(model), faults=(slow,))
    wait_for(lambda: len(list(marks.iterdir())) == 3, process)
    if sent == signal.SIGINT:
        interrupt(process)
    else:
        process.send_signal(sent)  # `ray job stop`, `kill`, a scheduler: the driver alone
    begin = time.monotonic()
    code, out, err = finish(process)
    assert time.monotonic() - begin < 60
    assert code == 130, err
    assert f"The run is not complete; finish it with: python -m tuner.grid --resume {folder}" in err
    assert "Traceback" not in out + err
    assert "*** SIG" not in out + err, "Ray's C++ handler writes a stack"
    before = stamps(folder)
    assert len(before) in (2, 3)
    assert (folder / "report.html").is_file()
    assert len(analysis.load(folder)) == len(before)
    resume_and_check(folder, before)


def test_once_in_fine_tuning(tmp_path):
    folder, marks = tmp_path / "run", tmp_path / "marks"
    slow = fault("finetune", "sleep:5", marks, trial="epoch 1")
    process = start("--output-dir", str(folder), *DEMO, faults=(slow,))
    wait_for(lambda: list(marks.iterdir()), process)
    interrupt(process)
    code, out, err = finish(process)
    assert code == 130
    assert err.strip().endswith(f"stopped before the first trial was measured; go on with --resume {folder.resolve()}")
    assert "Traceback" not in out + err
    resume_and_check(folder, {})


def test_twice(tmp_path, model):
    folder, marks = tmp_path / "run", tmp_path / "marks"
    err = _interrupted_twice(folder, model, fault("measure", "sleep:60", marks, skip=1), marks)
    # At once; unless the first had already ended the trial, and so the run, by then.
    assert err.endswith(("interrupted", f"--resume {folder}")), err
    before = stamps(folder)
    assert len(before) == 1
    resume_and_check(folder, before)


def test_twice_where_the_first_cannot_end_the_trial(tmp_path, model):
    folder, marks = tmp_path / "run", tmp_path / "marks"
    err = _interrupted_twice(folder, model, fault("measure", "deaf:60", marks, skip=1), marks)
    assert err.endswith("interrupted"), "the second is what cut it short"
    assert len(stamps(folder)) == 1


def _interrupted_twice(folder, model, slow, marks):
    """What a run says that is interrupted twice while a trial is slow; it ends within seconds."""
    process = start("--output-dir", str(folder), *without_tuning(model), faults=(slow,))
    wait_for(lambda: len(list(marks.iterdir())) == 2, process)
    interrupt(process)
    time.sleep(1.5)
    begin = time.monotonic()
    interrupt(process)
    code, out, err = finish(process)
    assert time.monotonic() - begin < 30
    assert code == 130
    assert "Traceback" not in out + err
    return err.strip()
