"""What is read of a run folder: one's own whole, somebody else's as text alone; of neither what lies outside it.

Ray's experiment state embeds pickles, and to read a pickle is to run what it says. Within `untrusted()` nothing but
JSON and CSV is read: no state of Ray's and, so that as little as possible parses foreign bytes, no Parquet.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from search_spaces.errors import UsageError

_TRUSTED: ContextVar[bool] = ContextVar("trusted", default=True)


@contextmanager
def untrusted(really: bool = True) -> Iterator[None]:
    """Read what is loaded within as JSON and CSV alone: `with analysis.untrusted(): rows = analysis.load(run)`."""
    token = _TRUSTED.set(_TRUSTED.get() and not really)
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def trusted() -> bool:
    """May more than JSON and CSV be read?"""
    return _TRUSTED.get()


def check_folder(folder: Path) -> None:
    """UsageError where a run folder holds a link that leads out of it, or a pipe, device or socket.

    Whatever is read from or written to the folder afterwards stays in it. The folder itself may be a link.
    """
    root = folder.resolve()
    waiting = [root]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except (FileNotFoundError, PermissionError):
            continue
        for entry in entries:
            if entry.is_symlink():
                target = Path(entry.path).resolve()
                if not target.is_relative_to(root):
                    raise UsageError(
                        f"a run folder must hold no link that leads out of it, but {entry.path} leads to {target}; "
                        "replace it by what it names (the run folder itself may be a link)"
                    )
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                raise UsageError(f"a run folder must hold files and folders, but {entry.path} is neither; delete it")
