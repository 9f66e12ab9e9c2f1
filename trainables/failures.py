"""What is said of a trial that failed, and whether it may pass elsewhere."""

import re
from collections.abc import Sequence

import torch

from trainables.energy.meter import MeterError

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


def out_of_memory(error: BaseException) -> bool:
    """Did the card or the host have no memory left? PyTorch says so of the host in a plain RuntimeError."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and any(
        words in said for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


def may_pass(error: BaseException, reused: bool) -> bool:
    """Could a fresh process get further? With a lost sensor perhaps; without memory where this process has served
    other trials before."""
    return isinstance(error, MeterError) or (reused and out_of_memory(error))
