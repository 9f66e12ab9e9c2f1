"""What a piece of work cost, where the work matters more than its joules: fine-tuning goes on without a sensor."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from trainables.energy.meter import Meter, MeterError
from trainables.energy.sampler import Sampler
from trainables.energy.windows import window_energies

T = TypeVar("T")


@dataclass(frozen=True)
class Spent:
    """Seconds and gross joules; None where the sensor failed."""

    seconds: float = 0.0
    energy_j: float | None = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        known = self.energy_j is not None and other.energy_j is not None
        return Spent(self.seconds + other.seconds, self.energy_j + other.energy_j if known else None)  # type: ignore[operator]

    @property
    def mean_power_w(self) -> float | None:
        return None if self.energy_j is None or not self.seconds else self.energy_j / self.seconds


def metered(meter: Meter, work: Callable[[], T]) -> tuple[T, Spent]:
    """The result of `work()` and what it cost. A sensor that fails costs the joules, not the work."""
    result: list[T] = []
    start = end = time.perf_counter()
    energy_j = None
    try:
        with Sampler(meter) as sampler:
            time.sleep(2.5 * meter.tick_s + meter.poll_s)  # the counter must be seen ticking before it starts
            start = time.perf_counter()
            result.append(work())
            end = time.perf_counter()
            sampler.cover(end)
            energy_j = window_energies(sampler.trace(), [start, end]).total_energy_j
    except MeterError:
        if not result:
            start = time.perf_counter()
            result.append(work())
            end = time.perf_counter()
    return result[0], Spent(end - start, energy_j)
