"""What is wrong with the machine rather than with the request: said in one line, with what to do."""

import errno
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search_spaces.errors import UsageError
from tuner.run.folder import SWEEP_FILE

_FULL = (errno.ENOSPC, errno.EDQUOT)
# Ray hands on errors of its processes and of its callbacks as text.
_FULL_TEXTS = ("No space left on device", "Disk quota exceeded", "database or disk is full")


@contextmanager
def full_disk_explained(run: Path) -> Iterator[None]:
    """A full disk within the context becomes a UsageError that says how to go on with the run."""
    try:
        yield
    except Exception as error:
        if not disk_is_full(error):
            raise
        free = ", ".join(f"{_free_mib(p)} MiB at {p}" for p in (run, Path(tempfile.gettempdir())))
        remedy = (
            f"go on with --resume {run}: no finished trial is lost" if (run / SWEEP_FILE).is_file() else "start again"
        )
        raise UsageError(
            f"a run needs room for its files and Ray's, but a disk is full ({free}); make room and {remedy}"
        ) from error


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Who ends the driver by SIGTERM (`kill`, `ray job stop`, a scheduler) gets the orderly stop of Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def disk_is_full(error: BaseException | None) -> bool:
    """Is a full disk, or a spent quota, behind an error?"""
    seen: set[int] = set()  # a chain may lead back to its beginning
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if says_full(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def says_full(text: str) -> bool:
    """Is a full disk what a message is about?"""
    return any(words in text for words in _FULL_TEXTS)


def _free_mib(path: Path) -> int:
    there = next(p for p in (path.resolve(), *path.resolve().parents) if p.exists())
    return shutil.disk_usage(there).free // 2**20
