"""What is read of a run folder: one's own whole, somebody else's as text alone.

Ray's experiment state embeds pickles, and to read a pickle is to run what it says. Within `untrusted()` nothing but
JSON and CSV is read: no state of Ray's and, so that as little as possible parses foreign bytes, no Parquet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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
