"""A process that keeps another card idle or busy, as it is told."""

import os
import subprocess
import sys
import threading
import time

from benchmarks.lib.card import CardArguments, open_bench
from benchmarks.lib.command import parse
from benchmarks.lib.loads import Load
from benchmarks.lib.shapes import HOT, LAUNCH_BOUND, shape_for
from trainables.device import set_precision

STATES = ("idle", "hot", "launch-bound")  # idle first: the others are compared with it


class Neighbour:
    """A process that works on another card. It is told a state in a line and answers it once the load runs."""

    def __init__(self, card: str | None, arguments: CardArguments) -> None:
        command = [sys.executable, "-m", __name__, "--model", arguments.model, "--cpus", str(arguments.cpus)]
        command += ["--data-dir", str(arguments.data_dir)] if arguments.data_dir else []
        command += ["--smoke"] if arguments.smoke else []
        shown = {} if card is None else {"CUDA_VISIBLE_DEVICES": card}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | shown
        )

    def tell(self, state: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(state + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError("a neighbour has ended; see its error above") from None

    def wait(self, state: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == state:
                return
        raise RuntimeError("a neighbour has ended; see its error above")

    def __enter__(self) -> "Neighbour":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def serve(arguments: CardArguments) -> int:
    """A neighbour's life: run the load of the last line read, until there are no more lines."""
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


if __name__ == "__main__":
    sys.exit(serve(parse(CardArguments, "benchmarks.experiments.neighbours.neighbour", __doc__)))
