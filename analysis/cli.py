"""What the command lines of `analysis` share: parsing, one line per mistake, exit code 2. No heavy
imports."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any, Literal

import tyro

from analysis.errors import CannotAnswer
from analysis.rows.trust import untrusted
from search_spaces.command_line import check_known
from search_spaces.errors import UsageError, not_open


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What every command that reads runs is asked; the arguments of one inherit it."""

    untrusted: bool = False
    """The runs are somebody else's: read their JSON and CSV files alone, which run no code (docs/security.md)."""


@dataclass(frozen=True, kw_only=True)
class Fitting(Reading):
    """What every command that fits energy is asked, for tables that were made otherwise than our own."""

    keep_short_windows: bool = False
    """Use rows flagged short_window, too: for a published table that holds little else. Every answer then says so."""
    least_squares: Literal["relative", "ordinary"] = "relative"
    """How lines are fitted: errors in proportion to energy, or of one size."""


def run(main: Callable[[Any], int], arguments: type, prog: str, doc: str | None, argv: list[str] | None) -> int:
    """Parse, call `main`, and print a UsageError or CannotAnswer as one line on stderr (exit code 2)."""
    print_any_text()
    parsed: Any
    parsed, unknown = tyro.cli(arguments, prog=prog, description=doc, args=argv, return_unknown_args=True)
    try:
        check_known(unknown, arguments, prog)
        with untrusted(isinstance(parsed, Reading) and parsed.untrusted):
            code = main(parsed)
        sys.stdout.flush()  # what is left in it has a reader, too
        return code
    except (UsageError, CannotAnswer) as error:
        print(f"error: {printable(' '.join(str(error).split()))}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return reader_gone()
    except OSError as error:
        if (said := not_open(error)) is None:
            raise
        print(f"error: {printable(said)}", file=sys.stderr)
        return 2


def print_any_text() -> None:
    """From now on a terminal or pipe whose encoding lacks a character gets "?" for it, and printing goes on."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def reader_gone() -> int:
    """The exit code where `... | head` has read enough. Python's own last flush goes nowhere, or it would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE


def printable(text: str) -> str:
    """Text for a terminal: what is neither printed nor a line break, such as an escape sequence, is shown as �."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def column_mapping(pairs: Sequence[str]) -> dict[str, str]:
    """["seq_len=max_seq_len"] -> {"seq_len": "max_seq_len"}."""
    mapping = {}
    for pair in pairs:
        theirs, equals, ours = pair.partition("=")
        if not (theirs and equals and ours):
            raise UsageError(f"--columns must be THEIRS=OURS, but got {pair!r}; for example seq_len=max_seq_len")
        mapping[theirs] = ours
    return mapping
