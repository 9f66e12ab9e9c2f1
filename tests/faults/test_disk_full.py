"""A full disk: one clear line, nothing corrupt, and the run goes on once there is room."""

import os

import pytest

from tests.faults.harness import (
    DEMO,
    TRIALS,
    fault,
    finish,
    resume_and_check,
    rows,
    run,
    small_disk,
    stamps,
    start,
    wait_for,
    without_tuning,
)

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def disk(tmp_path):
    """A disk of 16 MiB."""
    try:
        with small_disk(tmp_path / "disk", 16) as folder:
            yield folder
    except PermissionError as error:
        pytest.skip(str(error))


def fill(disk, leave_kib=0):
    """Fill the disk but for so much."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with (disk / "ballast").open("wb") as ballast:
        ballast.write(b"\0" * max(0, free - leave_kib * 1024))


def check_message(code, err, folder):
    last = err.strip().splitlines()[-1]
    assert code == 2, err
    assert last.startswith("error: a run needs room for its files and Ray's, but a disk is full (0 MiB at ")
    assert f"go on with --resume {folder}: no finished trial is lost" in last
    assert "Traceback" not in err


def test_in_fine_tuning(disk):
    folder = disk / "run"
    fill(disk, leave_kib=200)  # room for the settings, none for a checkpoint
    code, _, err = run("--output-dir", str(folder), *DEMO)
    check_message(code, err, folder)
    code, _, err = run("--resume", str(folder))  # still full
    check_message(code, err, folder)
    (disk / "ballast").unlink()
    resume_and_check(folder, {})


def test_while_measuring(disk, model, tmp_path):
    folder, marks = disk / "run", tmp_path / "marks"
    slow = fault("measure", "sleep:8", marks, skip=2)
    process = start("--output-dir", str(folder), *without_tuning(model), faults=(slow,))
    wait_for(lambda: len(list(marks.iterdir())) == 3, process)
    fill(disk)
    code, _, err = finish(process)
    check_message(code, err, folder)
    assert len(rows(folder)) == 2 < TRIALS, "every row file is whole"
    before = stamps(folder)
    (disk / "ballast").unlink()
    resume_and_check(folder, before)


def test_before_anything_is_written(disk):
    fill(disk)
    code, _, err = run("--output-dir", str(disk / "run"), *DEMO)
    assert code == 2, err
    assert "a disk is full" in err
    assert "start again" in err
