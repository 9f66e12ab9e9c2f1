"""A folder that one driver at a time may work in: a file lock, which ends with the process whatever happens."""

import fcntl
from datetime import UTC, datetime
from pathlib import Path

from search_spaces.errors import UsageError

LOCK_FILE = ".lock"


class Lock:
    """Held from its making to `close`; UsageError where another driver holds it, OSError where files cannot be locked.

    `what` names the folder: "a run folder".
    """

    def __init__(self, folder: Path, what: str) -> None:
        self._file = (folder / LOCK_FILE).open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            if not isinstance(error, BlockingIOError):
                raise
            raise UsageError(
                f"one driver at a time may work in {what}, but another holds {folder}; wait for it, or give another "
                "--output-dir"
            ) from error

    def close(self) -> None:
        self._file.close()


def time_name() -> str:
    """What ends the name of something that is moved aside now, or that takes the place of what stays (UTC)."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def aside(folder: Path, when: str) -> Path:
    """Where a folder is moved aside to: a name beside it that is free."""
    place, number = folder.with_name(f"{folder.name}.replaced-{when}"), 1
    while place.exists() or place.is_symlink():
        number += 1
        place = folder.with_name(f"{folder.name}.replaced-{when}-{number}")
    return place


def move_aside(folder: Path, when: str) -> Path:
    """Rename a folder to `aside` and make an empty one in its place; where the old one is. UsageError where that cannot
    be done: nothing has changed then, or another driver was there first, and the old one is whole beside it."""
    place = aside(folder, when)
    try:
        folder.rename(place)
    except OSError as error:
        raise UsageError(
            f"a run that is replaced is moved aside, but {folder} cannot be renamed to {place.name} "
            f"({error.strerror}); give another --output-dir"
        ) from error
    try:
        folder.mkdir()
    except FileExistsError as error:
        raise UsageError(
            f"one driver at a time may replace a run, but another made {folder} just now; what was there is {place}"
        ) from error
    return place
