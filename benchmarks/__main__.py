"""Several energy benchmarks in one process: the start (imports, context, idle power, model) is paid for once.

python -m benchmarks meter_agreement harness_overhead window_length repeatability --model DIR --data-dir DIR
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from benchmarks import common
from tuner.cli import run_command

NAMES = ("meter_agreement", "harness_overhead", "window_length", "repeatability", "weights", "neighbours")


def main(argv: Sequence[str]) -> int:
    modules = {name: import_module(f"benchmarks.{name}") for name in NAMES}

    def add_names(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("names", nargs="+", choices=NAMES, help="which, in this order")

    arguments = common.parse(__doc__, [add_names, *(m.add_arguments for m in modules.values())], argv)
    bench = common.open_bench(arguments)
    codes = []
    try:
        for name in arguments.names:
            try:
                codes.append(common.run_benchmark(modules[name], bench, arguments))
            except Exception:  # the others still run: a lent card's time is dear
                traceback.print_exc()
                codes.append(1)
    finally:
        bench.meter.close()
    return max(codes)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
