"""What the second process runs: it reads the energy counter by a poll of its own, until its parent is gone.

python -m benchmarks.checks.meter_agreement.counter_reader UUID FILE
"""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pynvml
import tyro

from benchmarks.lib.command import parse
from benchmarks.lib.smoke import ticking_j

POLL_S = 0.02


@dataclass(frozen=True)
class Arguments:
    target: tyro.conf.Positional[str]
    """A card's UUID, or watts:W in smoke mode."""
    file: tyro.conf.Positional[Path]
    """Where the readings go."""


def now_s() -> float:
    """The clock that all processes of a machine share."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def counter(target: str) -> Callable[[], float]:
    """What reads the energy of the target (J)."""
    if target.startswith("watts:"):
        watts = float(target.removeprefix("watts:"))
        return lambda: ticking_j(watts, now_s())
    pynvml.nvmlInit()
    handle = pynvml.nvmlDeviceGetHandleByUUID(target)
    return lambda: float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3


def main(argv: list[str] | None = None) -> int:
    """Write `time_s,read_s,energy_j` lines until stdin closes."""
    arguments = parse(Arguments, "benchmarks.checks.meter_agreement.counter_reader", __doc__, argv)
    energy_j = counter(arguments.target)
    done = threading.Event()

    def wait_for_parent() -> None:
        sys.stdin.read()
        done.set()

    threading.Thread(target=wait_for_parent, daemon=True).start()
    with arguments.file.open("w", buffering=1) as out:
        while not done.wait(POLL_S):
            begin = now_s()
            value = energy_j()
            end = now_s()
            out.write(f"{(begin + end) / 2!r},{end - begin!r},{value!r}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
