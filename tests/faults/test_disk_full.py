"""A full disk: one clear line, nothing corrupt, and the run goes on once there is room."""

import os
import subprocess

import pytest

from tests.faults.harness import DEMO, TRIALS, resume_and_check, rows, run, small_disk, stamps

pytestmark = pytest.mark.timeout(600)


def fill(folder, leave_kib):
    """Fill the disk of a folder but for so much."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with (folder / "ballast").open("wb") as ballast:
        ballast.write(b"\0" * max(0, free - leave_kib * 1024))


@pytest.mark.parametrize(
    ("leave_kib", "phase"),
    [
        (200, "fine-tuning"),  # room for the settings, none for a checkpoint of 2 MB
        (7400, "measuring"),  # fine-tuned, then rows of tens of kB until there is no room
    ],
)
def test_is_said_in_one_line_and_can_be_resumed(tmp_path, leave_kib, phase):
    try:
        disk = small_disk(tmp_path / "disk", 16)
        with disk as folder:
            _fill_and_resume(folder, leave_kib, phase)
    except PermissionError as error:
        pytest.skip(str(error))


def _fill_and_resume(disk, leave_kib, phase):
    folder = disk / "run"
    fill(disk, leave_kib)
    code, out, err = run("--output-dir", str(folder), *DEMO)
    last = err.strip().splitlines()[-1]
    assert code == 2, err
    assert last.startswith("error: a run needs room for its files and Ray's, but a disk is full (0 MiB at ")
    assert f"go on with --resume {folder}: no finished trial is lost" in last
    before = stamps(folder)
    rows(folder)  # every row file is whole
    assert len(before) < TRIALS
    assert ("[1/6]" in out.replace(" ", "")) == (phase == "measuring"), (out, before)

    code, _, err = run("--resume", str(folder))  # still full
    assert code == 2
    assert "a disk is full" in err
    (disk / "ballast").unlink()
    resume_and_check(folder, before)


def test_before_anything_is_written(tmp_path):
    try:
        disk = small_disk(tmp_path / "disk", 1)
        with disk as folder:
            fill(folder, 0)
            code, _, err = run("--output-dir", str(folder / "run"), *DEMO)
    except PermissionError as error:
        pytest.skip(str(error))
    assert code == 2, err
    assert "a disk is full" in err
    assert "start again" in err
    assert subprocess.run(["mountpoint", "-q", str(tmp_path / "disk")], check=False).returncode != 0
