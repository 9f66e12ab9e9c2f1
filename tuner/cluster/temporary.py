"""Where a Ray that is started here keeps its session: a folder that no other user of this machine can enter.

Ray opens its session folder to everybody (mode 0777). In it lie sockets without a password and the code that a job or a
worker is about to run. So Ray is put into a folder within one of mode 0700. The path must be short: sockets in it have
at most 107 bytes.
"""

import fcntl
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search_spaces.errors import UsageError
from trainables import ray_variables

PREFIX = "jt-"
LOCK = "jouletune-ray.lock"  # what only such a folder holds
_RAY = "r"
MAX_SOCKET_BYTES = 103 if sys.platform == "darwin" else 107  # of a socket's path
_SOCKET = "session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"  # the longest, under Ray's folder
_MADE = f"{PREFIX}12345678/{_RAY}/{_SOCKET}"


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder for Ray, which only its owner can enter; removed at the end, or by the next start after a kill.

    UsageError where no folder can be made, or the one that RAY_TMPDIR names is too long for sockets.
    """
    parent = _parent()
    _remove_left_behind(parent)
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))  # mode 0700
    except OSError as error:
        raise UsageError(
            f"Ray needs a temporary folder, but none can be made in {parent} ({error.strerror}); "
            f"set {ray_variables.TEMPORARY} to a folder that can be written"
        ) from error
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / _RAY).mkdir()
        try:
            yield folder / _RAY
        finally:
            _remove(folder)


def check_variable() -> None:
    """UsageError for a RAY_TMPDIR that Ray could not use."""
    given = os.environ.get(ray_variables.TEMPORARY)
    if given and not _is_short(Path(given)):
        raise UsageError(
            f"{ray_variables.TEMPORARY} must have at most {MAX_SOCKET_BYTES - len(_MADE) - 1} bytes, because Ray's "
            f"sockets lie in it, but is {given}; give a shorter one, such as /tmp"
        )


def _parent() -> Path:
    """RAY_TMPDIR; else the usual temporary folder, or /tmp where that is too long for sockets."""
    check_variable()
    if given := os.environ.get(ray_variables.TEMPORARY):
        return Path(given).absolute()
    usual = Path(tempfile.gettempdir())
    shorter = (p for p in (Path("/tmp"), Path("/var/tmp")) if os.access(p, os.W_OK | os.X_OK))  # noqa: S108 (mkdtemp)
    return usual if _is_short(usual) else next(shorter, usual)


def _is_short(parent: Path) -> bool:
    return len(os.fsencode(parent.absolute() / _MADE)) <= MAX_SOCKET_BYTES


def _remove_left_behind(parent: Path) -> None:
    """Remove the folders of this user's drivers that were killed: nobody holds their lock."""
    try:
        found = [entry for entry in os.scandir(parent) if entry.name.startswith(PREFIX)]
    except OSError:
        return
    for entry in found:
        try:
            facts = entry.stat(follow_symlinks=False)
            if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
                continue
            with (Path(entry.path) / LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(Path(entry.path))
        except OSError:
            continue  # a driver works in it, or it is not made yet, or gone


def _remove(folder: Path) -> None:
    """Ray's processes may write a last line while they end, so a second time where something is left."""
    for _ in range(2):
        shutil.rmtree(folder, ignore_errors=True)
