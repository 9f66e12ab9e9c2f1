"""A second process that reads the energy counter, by polling and arithmetic of its own (not trainables.energy's).

python -m benchmarks.checks.meter_agreement.second_process UUID FILE
"""

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

import numpy as np

from benchmarks.lib.smoke import ticking_j
from trainables.energy.meter import Meter

ROOT = Path(__file__).resolve().parents[3]
READER_POLL_S = 0.02


def reader_energy(readings: np.ndarray, start_s: float, end_s: float) -> float:
    """J between two times from rows (time_s, read_s, energy_j): straight lines between first sights of values.

    A value's time is the middle between the last reading that showed the old one and the first with the new.
    """
    new = np.flatnonzero(np.diff(readings[:, 2]) != 0) + 1
    if len(new) < 2:
        return float("nan")
    at = (readings[new - 1, 0] + readings[new, 0]) / 2
    inside = at[0] <= start_s and end_s <= at[-1]
    first, last = np.interp([start_s, end_s], at, readings[new, 2])
    return float(last - first) if inside else float("nan")


class SecondProcess:
    """Runs `main` in a process of its own while the context is open."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __enter__(self) -> "SecondProcess":
        self._file: IO[str] = tempfile.NamedTemporaryFile("r", suffix=".csv")
        watts = getattr(self._meter, "watts", None)  # smoke mode
        target = str(self._meter.device.uuid) if watts is None else f"watts:{watts}"
        command = [sys.executable, "-m", __name__, target, self._file.name]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
        limit = time.perf_counter() + 30
        while not self._file.readline():
            if self._process.poll() is not None or time.perf_counter() > limit:
                raise RuntimeError("the second process gave no reading")
            time.sleep(0.02)
        return self

    def readings(self) -> np.ndarray:
        """Rows (time_s, read_s, energy_j) so far."""
        self._file.seek(0)
        lines = self._file.read().split("\n")[:-1]  # the last may be half written
        return np.array([[float(v) for v in line.split(",")] for line in lines])

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # the reader ends with its parent
        try:
            self._process.wait(timeout=5)
        except Exception:
            self._process.kill()
        self._file.close()


def main(target: str, file: str) -> int:
    """Write `time_s,read_s,energy_j` lines until stdin closes. `target`: a card's UUID, or watts:W in smoke mode."""
    if target.startswith("watts:"):
        watts = float(target.removeprefix("watts:"))

        def energy_j() -> float:
            return ticking_j(watts, time.clock_gettime(time.CLOCK_MONOTONIC))
    else:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(target)

        def energy_j() -> float:
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3

    done = threading.Event()

    def wait_for_parent() -> None:
        sys.stdin.read()
        done.set()

    threading.Thread(target=wait_for_parent, daemon=True).start()
    with open(file, "w", buffering=1) as out:
        while not done.wait(READER_POLL_S):
            begin = time.clock_gettime(time.CLOCK_MONOTONIC)
            value = energy_j()
            end = time.clock_gettime(time.CLOCK_MONOTONIC)
            out.write(f"{(begin + end) / 2!r},{end - begin!r},{value!r}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
