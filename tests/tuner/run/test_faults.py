"""A full disk is one line that says what to do, whoever stumbled over it."""

import errno
import signal
import sqlite3
import time

import pytest

from search_spaces.errors import UsageError
from tuner.run.faults import disk_is_full, full_disk_explained, sigterm_as_ctrl_c


def chained(error):
    """As a library wraps it."""
    try:
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("the experiment failed") from inner
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (RuntimeError("Traceback ...\nOSError: [Errno 28] No space left on device: 'x'"), True),
        (sqlite3.OperationalError("database or disk is full"), True),
        (OSError(errno.ENOENT, "No such file"), False),
        (ValueError("x"), False),
    ],
)
def test_a_full_disk_is_known_through_every_wrapping(error, full):
    assert disk_is_full(error) is full
    assert disk_is_full(chained(error)) is full


def test_a_chain_that_leads_back_ends():
    error, other = ValueError("a"), ValueError("b")
    error.__cause__, other.__cause__ = other, error
    assert not disk_is_full(error)


def test_it_says_where_and_how_to_go_on(tmp_path):
    run = tmp_path / "run"
    with (
        pytest.raises(UsageError, match=rf"a disk is full \(\d+ MiB at {run}, .*make room and start again"),
        full_disk_explained(run),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    run.mkdir()
    (run / "sweep.json").write_text("{}")
    with pytest.raises(UsageError, match=rf"go on with --resume {run}"), full_disk_explained(run):
        raise chained(OSError(errno.ENOSPC, "No space left on device"))


def test_other_errors_pass(tmp_path):
    with pytest.raises(ValueError, match="x"), full_disk_explained(tmp_path):
        raise ValueError("x")


def test_sigterm_is_ctrl_c_within_and_nothing_new_outside():
    before, interrupt = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a Tune of an earlier test may have left its own
    try:
        with pytest.raises(KeyboardInterrupt), sigterm_as_ctrl_c():  # noqa: PT012
            signal.raise_signal(signal.SIGTERM)  # to this thread: os.kill may wake another of the process's
            time.sleep(5)
    finally:
        signal.signal(signal.SIGINT, interrupt)
    assert signal.getsignal(signal.SIGTERM) == before
