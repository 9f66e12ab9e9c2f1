"""Reading the meter beside the load; the loop of batches reads no sensor.

NVML is read by a process of its own (`child.py`: a thread would take the interpreter lock from a launch-bound loop),
every other meter by a thread; the meter says which.
"""

import threading
import time
from array import array
from dataclasses import replace
from types import TracebackType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from trainables.energy.counter import counter_ticks
from trainables.energy.meter import Meter, MeterError, Reader
from trainables.energy.sources import SOURCES
from trainables.energy.trace import ROW_WIDTH, Trace, sample_row

SILENCE_S = 10.0  # a sensor that does not answer for this long has failed


class _Rows(Protocol):
    """Samples as they come in."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def check(self) -> None: ...
    def rows(self) -> npt.NDArray[np.float64]: ...
    def last_s(self) -> float: ...


class Sampler:
    """Samples of `meter` while the context is open; leaving it raises MeterError if reading failed."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self._source = SOURCES[meter.source]
        self._rows: _Rows = _ThreadRows(meter) if meter.child is None else _ChildRows(meter.child)

    def __enter__(self) -> "Sampler":
        self._rows.start()  # a meter that cannot be read fails here, in the caller
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._rows.stop()
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise the MeterError that ended the sampling, if one did."""
        self._rows.check()

    def trace(self) -> Trace:
        """All samples so far (a copy of a few hundred kilobytes a minute). Raises MeterError like `check`."""
        return replace(self._samples(), power_limit_w=self.meter.power_limit_w())

    def _samples(self) -> Trace:
        self.check()
        return Trace.from_rows(self._rows.rows(), self._source.name, self.meter.tick_s)

    def covered(self, time_s: float) -> bool:
        """Can windows that end at `time_s` be computed? The counter has ticked since, or power been read since; a
        sensor that works has done so after two and a half ticks. Raises MeterError like `check`."""
        since_s = self._rows.last_s() - time_s
        if since_s >= 2.5 * self.meter.tick_s + self.meter.poll_s:
            return True
        if not self._source.counter:
            return since_s >= self.meter.tick_s + self.meter.poll_s
        ticks = counter_ticks(self._samples()) if since_s > 0 else ()
        return len(ticks) >= 2 and bool(ticks.earliest_s[-1] >= time_s)  # type: ignore[union-attr]

    def cover(self, time_s: float) -> None:
        """Wait for `covered`. Raises MeterError when sampling failed or the sensor falls silent."""
        deadline = max(time.perf_counter(), time_s) + 2.5 * self.meter.tick_s + self.meter.poll_s + SILENCE_S
        while not self.covered(time_s):
            self.check()
            if time.perf_counter() > deadline:
                raise MeterError(f"the energy meter gave no reading for {SILENCE_S:.0f} s")
            time.sleep(min(0.02, self.meter.poll_s))


class _ChildRows:
    """Samples that a running child takes, from now on."""

    def __init__(self, child: Reader) -> None:
        self._child = child
        self._first = 0
        self._kept: npt.NDArray[np.float64] | None = None

    def start(self) -> None:
        self._first = self._child.count
        self._child.wait_for(self._first + 1)

    def stop(self) -> None:
        self._kept = self._child.since(self._first)

    def check(self) -> None:
        self._child.check()

    def rows(self) -> npt.NDArray[np.float64]:
        return self._child.since(self._first) if self._kept is None else self._kept

    def last_s(self) -> float:
        return float(self.rows().reshape(-1, ROW_WIDTH)[-1, 0])


class _ThreadRows:
    """Samples taken by a thread of this process."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._samples = array("d")  # samples, flattened; one append and one copy each hold the lock
        self._last_s = float("-inf")
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._error: MeterError | None = None
        self._thread = threading.Thread(target=self._run, name="energy-sampler", daemon=True)

    def start(self) -> None:
        self._take()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=SILENCE_S)

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def rows(self) -> npt.NDArray[np.float64]:
        with self._lock:
            return np.frombuffer(self._samples[:])

    def last_s(self) -> float:
        return self._last_s

    def _take(self) -> None:
        row = sample_row(self._meter.read())
        with self._lock:
            self._samples.extend(row)
            self._last_s = row[0]

    def _run(self) -> None:
        try:
            due = time.perf_counter()
            while True:
                now = time.perf_counter()
                due = max(due + self._meter.poll_s, now)  # late reads are not made up for
                if self._stop.wait(due - now):
                    return
                self._take()
        except MeterError as error:
            self._error = error
        except Exception as error:
            self._error = MeterError(f"reading the energy meter failed: {error!r}")
            self._error.__cause__ = error
