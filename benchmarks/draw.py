"""The figure of a benchmark from the JSON file that it left, anywhere, later. It goes beside the file.

python -m benchmarks.draw DIR/window_length.json
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import tyro

from benchmarks.checks.window_length import WINDOW_LENGTH
from benchmarks.experiments.neighbours import NEIGHBOURS
from benchmarks.lib.command import parse
from search_spaces.errors import check
from tuner.cli import run_command

# `figure` beside each of them has `draw(file)`, which returns what was written.
DRAWN = {benchmark.name: benchmark.module for benchmark in (WINDOW_LENGTH, NEIGHBOURS)}


@dataclass(frozen=True)
class Arguments:
    file: tyro.conf.Positional[Path]
    """The JSON file of an earlier run, named after the benchmark."""


def main(argv: Sequence[str] | None = None) -> int:
    file = parse(Arguments, "benchmarks.draw", __doc__, argv).file
    check(file.stem in DRAWN, f"the file must be one of {', '.join(DRAWN)}, each .json", file.name, "give its path")
    for path in import_module(f"{DRAWN[file.stem]}.figure").draw(file):
        print(path)
    return 0


if __name__ == "__main__":
    run_command(main)
