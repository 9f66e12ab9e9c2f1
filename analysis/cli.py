"""What the command lines of `analysis` share: parsing, one line per mistake, exit code 2. No heavy
imports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from analysis.errors import CannotAnswer
from search_spaces.errors import UsageError


def run(
    main: Callable[[Any], int], arguments: type, prog: str, doc: str | None, argv: list[str] | None
) -> int:
    """Parse, call `main`, and print a UsageError or CannotAnswer as one line on stderr (exit code 2)."""
    parsed: Any = tyro.cli(arguments, prog=prog, description=doc, args=argv)
    try:
        return main(parsed)
    except (UsageError, CannotAnswer) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def column_mapping(pairs: Sequence[str]) -> dict[str, str]:
    """["seq_len=max_seq_len"] -> {"seq_len": "max_seq_len"}."""
    mapping = {}
    for pair in pairs:
        theirs, equals, ours = pair.partition("=")
        if not (theirs and equals and ours):
            raise UsageError(
                f"--columns must be THEIRS=OURS, but got {pair!r}; for example seq_len=max_seq_len"
            )
        mapping[theirs] = ours
    return mapping
