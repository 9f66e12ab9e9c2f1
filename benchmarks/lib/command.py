"""How every check and experiment reads its command line: a frozen dataclass, by tyro."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import tyro

A = TypeVar("A")


@dataclass(frozen=True)
class KeptFile:
    """What a figure is drawn from."""

    file: tyro.conf.Positional[Path]
    """The JSON file of an earlier run."""


def parse(arguments: type[A], module: str, about: str | None, argv: Sequence[str] | None = None) -> A:
    """The command line of `python -m MODULE`. Exits with code 2 (tyro's) for malformed arguments."""
    return tyro.cli(
        arguments,
        prog=f"python -m {module}",
        description=about,
        args=None if argv is None else list(argv),
        config=(tyro.conf.FlagCreatePairsOff,),
    )
