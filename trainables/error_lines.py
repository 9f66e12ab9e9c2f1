"""The lines of an error's text, and the one that says what was raised."""

import re
from collections.abc import Sequence

_RAISED = re.compile(r"[\w.]*(Error|Exception|Interrupt)\b")


def raised(lines: Sequence[str]) -> str | None:
    """The last line that names an exception, as the end of a traceback does; None where none does."""
    return next((line for line in reversed(lines) if _RAISED.match(line)), None)


def lines_of(text: str) -> list[str]:
    """The lines of an error's text, bare, without the empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def one_line(error: BaseException) -> str:
    """The first line of an error's text, and what a compiler's subprocess raised where that only announces it."""
    first, *others = lines_of(str(error)) or [""]
    cause = raised(others) if first.endswith(":") else None
    return f"{first} {cause}" if cause else first
