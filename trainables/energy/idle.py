"""Idle power: what the device draws with our context up and nothing to do."""

import time
from collections.abc import Callable

import numpy as np

from trainables.energy.counter import counter_ticks
from trainables.energy.meter import Meter, Sample
from trainables.energy.sources import SOURCES
from trainables.energy.trace import Trace

IDLE_POLL_S = 0.002  # nothing runs that polling could disturb, and ticks are the better timed


def idle_power_w(
    meter: Meter,
    duration_s: float = 1.5,
    *,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> float | None:
    """Mean watts over `duration_s`; None where no sensor says (an estimate assumes busy power only).

    By the counter, from its first tick to its last; with power readings, their mean. Let the device settle
    for a second after work: plain power is a trailing average. Raises MeterError when the sensor fails.
    """
    source = SOURCES[meter.source]
    if not source.measured:
        return None
    samples: list[Sample] = []
    end = clock() + duration_s
    while clock() < end:
        samples.append(meter.read())
        sleep(min(meter.poll_s, IDLE_POLL_S))
    trace = Trace.from_samples(samples, meter.source, meter.tick_s)
    if source.counter:
        ticks = counter_ticks(trace)
        at = (ticks.earliest_s + ticks.latest_s) / 2
        whole = len(ticks) >= 2 and len(ticks.resets_s) == 0
        return float((ticks.energy_j[-1] - ticks.energy_j[0]) / (at[-1] - at[0])) if whole else None
    power = trace.power_w[np.isfinite(trace.power_w)]
    return float(power.mean()) if len(power) else None


def settled_idle_power_w(meter: Meter, tries: int = 5) -> float | None:
    """`idle_power_w` once two readings in a row agree within 3 %: a card keeps its clocks up for seconds after work."""
    value = idle_power_w(meter)
    for _ in range(tries - 1):
        previous, value = value, idle_power_w(meter)
        if previous is None or value is None or abs(value / previous - 1) <= 0.03:
            break
    return value
