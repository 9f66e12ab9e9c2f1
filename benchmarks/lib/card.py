"""Benchmarks of loads on one card: the options they share, and what each is."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Generic, TypeVar

from benchmarks.lib.command import parse


@dataclass(frozen=True, kw_only=True)
class CardArguments:
    """What every benchmark on a card is asked. The arguments of one inherit it; no two add the same name."""

    model: str = "google-bert/bert-base-uncased"
    """Hub id or folder."""
    data_dir: Path | None = None
    """Folder with SST-2's dev.tsv; none: the hub."""
    output: Path | None = None
    """Folder for the raw numbers, NAME.json."""
    cpus: int = 4
    """CPU threads of PyTorch."""
    smoke: bool = False
    """A tiny model and a meter of constant power: exercises the code, measures nothing."""


A = TypeVar("A", bound=CardArguments)


@dataclass(frozen=True)
class CardBenchmark(Generic[A]):
    """`module` is what `python -m` is given. `MODULE.run` has a function `run(bench, arguments)` that returns the raw
    numbers and the bars; it is imported once the arguments are there."""

    module: str
    about: str | None
    arguments: type[A]

    @property
    def name(self) -> str:
        return self.module.rpartition(".")[2]

    def main(self, argv: Sequence[str] | None = None) -> int:
        """This benchmark alone, on a bench of its own."""
        return run_all([self], parse(self.arguments, self.module, self.about, argv))


def run_all(benchmarks: "Sequence[CardBenchmark[A]]", arguments: A) -> int:
    """One after the other on one bench; exit code 0 when every bar of each is met."""
    return int(import_module("benchmarks.lib.bench").run_all(benchmarks, arguments))
