"""Several benchmarks of one card in one process: the start (imports, context, idle power, model) is paid for once.

python -m benchmarks meter_agreement harness_overhead window_length repeatability --model DIR --data-dir DIR
"""

from collections.abc import Sequence
from dataclasses import make_dataclass
from typing import Annotated, Any

import tyro

from benchmarks.checks.fused import FUSED
from benchmarks.checks.harness_overhead import HARNESS_OVERHEAD
from benchmarks.checks.meter_agreement import METER_AGREEMENT
from benchmarks.checks.repeatability import REPEATABILITY
from benchmarks.checks.window_length import WINDOW_LENGTH
from benchmarks.experiments.neighbours import NEIGHBOURS
from benchmarks.experiments.weights import WEIGHTS
from benchmarks.lib.card import CardBenchmark, run_all
from benchmarks.lib.command import parse
from search_spaces.errors import check
from search_spaces.registry import Registry
from tuner.cli import run_command

BENCHMARKS: Registry[CardBenchmark[Any]] = Registry(
    "a benchmark of one card",
    (METER_AGREEMENT, HARNESS_OVERHEAD, WINDOW_LENGTH, REPEATABILITY, WEIGHTS, NEIGHBOURS, FUSED),
)
Names = Annotated[
    tuple[str, ...],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="NAME [NAME ...]", help=f"In this order: {', '.join(BENCHMARKS)}."),
]
# The options of all of them together.
Arguments = make_dataclass(
    "Arguments", [("names", Names)], bases=tuple(b.arguments for b in BENCHMARKS.values()), frozen=True, kw_only=True
)


def main(argv: Sequence[str] | None = None) -> int:
    arguments: Any = parse(Arguments, "benchmarks", __doc__, argv)
    check(len(arguments.names) > 0, f"one or more of {', '.join(BENCHMARKS)} must be named", [], "see --help")
    return run_all([BENCHMARKS[name] for name in arguments.names], arguments)


if __name__ == "__main__":
    run_command(main)
