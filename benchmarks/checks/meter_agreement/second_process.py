"""A second process that reads the energy counter, by polling and arithmetic of its own (not trainables.energy's)."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

import numpy as np

from trainables.energy.meter import Meter

ROOT = Path(__file__).resolve().parents[3]
READER = "benchmarks.checks.meter_agreement.counter_reader"


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
    """Runs READER in a process of its own while the context is open."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __enter__(self) -> "SecondProcess":
        self._file: IO[str] = tempfile.NamedTemporaryFile("r", suffix=".csv")
        watts = getattr(self._meter, "watts", None)  # smoke mode
        target = str(self._meter.device.uuid) if watts is None else f"watts:{watts}"
        command = [sys.executable, "-m", READER, target, self._file.name]
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
