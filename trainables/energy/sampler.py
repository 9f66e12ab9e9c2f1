"""A thread beside the load that reads the meter; the loop of batches reads no sensor.

NVML is called through ctypes, which releases the GIL for the milliseconds a read takes; what is left to this
thread is some tens of microseconds per sample.
"""

import threading
import time
from array import array
from types import TracebackType

import numpy as np

from trainables.energy.meter import Meter, MeterError
from trainables.energy.trace import Trace, sample_row

SILENCE_S = 10.0  # a sensor that does not answer for this long has failed


class Sampler:
    """Reads `meter` every `poll_s` while the context is open; leaving it raises MeterError if that failed."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self._rows = array("d")  # samples, flattened; one append and one copy each hold the lock
        self._last_s = float("-inf")
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._error: MeterError | None = None
        self._thread = threading.Thread(target=self._run, name="energy-sampler", daemon=True)

    def __enter__(self) -> "Sampler":
        self._take()  # a meter that cannot be read fails here, in the caller
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=SILENCE_S)
        if kind is None:
            self.check()

    def _take(self) -> None:
        row = sample_row(self.meter.read())
        with self._lock:
            self._rows.extend(row)
            self._last_s = row[0]

    def _run(self) -> None:
        try:
            due = time.perf_counter()
            while True:
                now = time.perf_counter()
                due = max(due + self.meter.poll_s, now)  # late reads are not made up for
                if self._stop.wait(due - now):
                    return
                self._take()
        except MeterError as error:
            self._error = error
        except Exception as error:
            self._error = MeterError(f"reading the energy meter failed: {error!r}")
            self._error.__cause__ = error

    def check(self) -> None:
        """Raise the MeterError that ended the sampling, if one did."""
        if self._error is not None:
            raise self._error

    def trace(self) -> Trace:
        """All samples so far (a copy of a few hundred kilobytes a minute). Raises MeterError like `check`."""
        self.check()
        with self._lock:
            rows = self._rows[:]
        return Trace.from_rows(np.frombuffer(rows), self.meter.source, self.meter.tick_s)

    def cover(self, time_s: float) -> None:
        """Wait until windows that end at `time_s` can be computed: two more ticks have been seen after it.

        Raises MeterError when sampling failed or the sensor falls silent.
        """
        goal = time_s + 2.5 * self.meter.tick_s + self.meter.poll_s
        deadline = time.perf_counter() + SILENCE_S + max(0.0, goal - time.perf_counter())
        while self._last_s < goal:
            self.check()
            if not self._thread.is_alive() or time.perf_counter() > deadline:
                raise MeterError(f"the energy meter gave no reading for {SILENCE_S:.0f} s")
            time.sleep(min(0.02, self.meter.poll_s))
