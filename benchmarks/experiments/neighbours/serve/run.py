"""A neighbour's life: it runs the load that it is told, or rests."""

import sys
import threading
import time

from benchmarks.lib.bench import open_bench
from benchmarks.lib.card import CardArguments
from benchmarks.lib.loads import Load
from benchmarks.lib.shapes import HOT, LAUNCH_BOUND, shape_for
from trainables.device import set_precision


def run(arguments: CardArguments) -> int:
    """Run the load of the last line read, until there are no more lines."""
    bench = open_bench(arguments)
    loads = {"hot": Load(bench, shape_for(bench, HOT)), "launch-bound": Load(bench, shape_for(bench, LAUNCH_BOUND))}
    told = ["idle"]  # the last is what to do; None ends it

    def listen() -> None:
        told.extend(line.strip() for line in sys.stdin)
        told.append("end")

    threading.Thread(target=listen, daemon=True).start()
    print("ready", flush=True)
    answered = 1
    while (state := told[-1]) != "end":
        if state in loads:
            set_precision(loads[state].shape.precision)  # process-wide: loads of different ones take turns here
            loads[state].run_for(0.1)
        else:
            time.sleep(0.02)
        if len(told) > answered:
            answered = len(told)
            print(told[-1], flush=True)
    bench.meter.close()
    return 0
