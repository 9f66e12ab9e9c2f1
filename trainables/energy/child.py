"""A process that reads a meter, for loads that need the interpreter lock to themselves.

A thread in the load's process slows a launch-bound loop by 10 % (EXPERIMENTS.md, 2026-11-24): every reading takes the
interpreter lock from the loop several times. So the meter is read by a child process, which writes samples into shared
memory. Both sides use `time.perf_counter`, on Linux CLOCK_MONOTONIC, the same in every process.

    python -m trainables.energy.child SHARED_MEMORY MODULE:FUNCTION ARGUMENT...
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainables.energy.meter import LOAD_STOPPED, Meter, MeterError
from trainables.energy.trace import ROW_WIDTH, sample_row

CAPACITY = 1 << 16  # samples kept: over ten minutes at 100 a second
TEXT_BYTES = 512
START_LIMIT_S = 30.0

# Layout: samples written (int64), length of the error text (int64), the text, the ring of samples.
_HEADER = 16 + TEXT_BYTES
_SIZE = _HEADER + CAPACITY * ROW_WIDTH * 8


class _Ring:
    """The shared memory seen as a counter, an error text and a ring of samples."""

    def __init__(self, memory: SharedMemory) -> None:
        self.state: npt.NDArray[np.int64] = np.ndarray((2,), np.int64, memory.buf)
        self.text: npt.NDArray[np.uint8] = np.ndarray((TEXT_BYTES,), np.uint8, memory.buf, offset=16)
        self.rows: npt.NDArray[np.float64] = np.ndarray((CAPACITY, ROW_WIDTH), np.float64, memory.buf, offset=_HEADER)

    def append(self, row: tuple[float, ...]) -> None:
        self.rows[self.state[0] % CAPACITY] = row
        self.state[0] += 1  # after the row: a reader never sees half of it

    def fail(self, message: str) -> None:
        data = message.encode()[:TEXT_BYTES]
        self.text[: len(data)] = np.frombuffer(data, np.uint8)
        self.state[1] = len(data)

    @property
    def error(self) -> str | None:
        length = int(self.state[1])
        return bytes(self.text[:length]).decode(errors="replace") if length else None

    def since(self, first: int) -> npt.NDArray[np.float64]:
        """The samples from number `first` on, flattened; the oldest are gone after CAPACITY."""
        last = int(self.state[0])
        numbers = np.arange(max(first, last - CAPACITY + 1), last)
        return self.rows[numbers % CAPACITY].ravel()


class ChildReader:
    """The load's side: starts the child, and reads what it has written.

    `opener` names a function ("module:function") that opens the meter in the child when it is called with `arguments`.
    """

    def __init__(self, opener: str, arguments: Sequence[str]) -> None:
        self._memory = SharedMemory(create=True, size=_SIZE)
        self._ring: _Ring | None = _Ring(self._memory)
        self._ring.state[:] = 0
        command = [sys.executable, "-m", __name__, self._memory.name, opener, *arguments]
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})  # noqa: S603 (fixed words)

    @property
    def count(self) -> int:
        """Samples taken so far."""
        return int(self._open.state[0])

    def since(self, first: int) -> npt.NDArray[np.float64]:
        """Samples from number `first` on, flattened."""
        return self._open.since(first)

    def check(self) -> None:
        """Raise MeterError if the sensor or the process failed."""
        error = self._open.error
        if error is None and self._process.poll() is not None:
            error = f"the process that reads the energy meter ended with code {self._process.returncode}"
        if error is not None:
            raise MeterError(error)

    def wait_for(self, count: int) -> None:
        """Wait until so many samples have been taken; MeterError if none comes."""
        limit = time.perf_counter() + START_LIMIT_S
        while self.count < count:
            self.check()
            if time.perf_counter() > limit:
                raise MeterError(f"the energy meter gave no reading for {START_LIMIT_S:.0f} s")
            time.sleep(0.002)

    def close(self) -> None:
        """End the child and free the memory."""
        if self._ring is None:
            return
        self._process.terminate()
        self._process.wait(timeout=10)
        self._ring = None  # views must go before their memory
        self._memory.close()
        self._memory.unlink()

    @property
    def _open(self) -> _Ring:
        if self._ring is None:
            raise MeterError("the energy meter is closed")
        return self._ring


def is_stopped(pid: int) -> bool:
    """Does the process stand still, by a signal or a debugger? Asked with every sample: some ten microseconds, none of
    them the load's. False where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[:1] in ([b"T"], [b"t"])  # behind the name, which may hold anything


def serve(meter: Meter, ring: _Ring, parent: int) -> None:
    """Append a sample every `poll_s` until the parent is gone or the sensor fails."""
    due = time.perf_counter()
    while os.getppid() == parent:
        try:
            sample = meter.read()
            if is_stopped(parent):
                sample = replace(sample, throttle=sample.throttle | LOAD_STOPPED)
            ring.append(sample_row(sample))
        except MeterError as error:
            ring.fail(str(error))
            return
        now = time.perf_counter()
        due = max(due + meter.poll_s, now)  # late reads are not made up for
        time.sleep(due - now)


def _main(name: str, opener: str, *arguments: str) -> None:
    parent = os.getppid()
    memory = SharedMemory(name)
    resource_tracker.unregister(memory._name, "shared_memory")  # type: ignore[attr-defined]  # the parent's to free
    ring = _Ring(memory)
    try:
        module, _, function = opener.partition(":")
        serve(getattr(import_module(module), function)(*arguments), ring, parent)
    except Exception as error:
        ring.fail(f"{type(error).__name__}: {error}")
        raise


if __name__ == "__main__":
    _main(*sys.argv[1:])
