"""How a check or an experiment reads its command line: a frozen dataclass, by tyro, before anything is imported."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Generic, TypeVar

import tyro

A = TypeVar("A")


def parse(arguments: type[A], module: str, about: str | None, argv: Sequence[str] | None = None) -> A:
    """The command line of `python -m MODULE`. Exits with code 2 (tyro's) for malformed arguments."""
    return tyro.cli(
        arguments,
        prog=f"python -m {module}",
        description=about,
        args=None if argv is None else list(argv),
        config=(tyro.conf.FlagCreatePairsOff,),
    )


@dataclass(frozen=True)
class Command(Generic[A]):
    """What `python -m MODULE` does: `MODULE.run` has a function `run(arguments)` that returns the exit code. It is
    imported once the arguments are there, so that --help and mistakes wait for nothing."""

    module: str
    about: str | None
    arguments: type[A]

    def main(self, argv: Sequence[str] | None = None) -> int:
        parsed = parse(self.arguments, self.module, self.about, argv)
        return int(import_module(f"{self.module}.run").run(parsed))
