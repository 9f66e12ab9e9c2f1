"""A part of a report: made, or the sentence that says why not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from analysis.errors import CannotAnswer
from search_spaces.errors import UsageError

T = TypeVar("T")
_LOG = logging.getLogger("jouletune.report")


@dataclass(frozen=True)
class Part(Generic[T]):
    """A part of a report, or the sentence that stands in its place."""

    value: T | None
    problem: str = ""


def attempt(what: str, make: Callable[[], T]) -> Part[T]:
    """The part, or why not. A report never stops half-way, so an error of ours is a sentence too."""
    try:
        return Part(make())
    except (CannotAnswer, UsageError) as reason:
        return Part(None, str(reason))
    except Exception as error:
        _LOG.debug("%s", what, exc_info=True)
        return Part(None, f"{what} could not be made: {type(error).__name__}: {error}")
