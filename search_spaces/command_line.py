"""A mistyped option in one line, with the one that was perhaps meant. What options there are, a dataclass says."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import get_type_hints

from search_spaces.errors import UsageError


def check_known(unknown: Sequence[str], arguments: type, prog: str) -> None:
    """UsageError for what a parser did not know of a command line, the first option of it or else its first word.
    `arguments`: the dataclass that the command is given, whose nested dataclasses add their fields."""
    if not unknown:
        return
    word = next((text for text in unknown if text.startswith("-")), unknown[0]).partition("=")[0]
    near = difflib.get_close_matches(word.replace("_", "-"), options_of(arguments), n=1)
    remedy = f"perhaps {near[0]}" if near else f"see {prog} --help"
    raise UsageError(f"every argument must be one that {prog} knows, but got {word}; {remedy}")


def options_of(arguments: type) -> Iterator[str]:
    """ "--max-seq-len", of each field."""
    types = get_type_hints(arguments)
    for field in fields(arguments):
        if isinstance(types[field.name], type) and is_dataclass(types[field.name]):
            yield from options_of(types[field.name])
        else:
            name = field.name.replace("_", "-")
            yield f"--{name}"
            if types[field.name] is bool:
                yield f"--no-{name}"
