"""Energy by a cumulative counter that is polled.

A counter shows the energy used up to its last tick. Polling sees a tick as a new value: the tick fell between the start
of the read that still showed the old value and the end of the read that showed the new one. Hence every tick has an
earliest and a latest time, the energy at any moment lies between the two curves through them, and half the distance
between the curves is what polling cannot know.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from trainables.energy.sources import SOURCES
from trainables.energy.trace import Floats, Trace, window_bounds

STUCK_S = 1.0  # a counter without a tick for this long (ten of NVML's) says nothing about the time between


@dataclass(frozen=True)
class Ticks:
    """Values a counter showed for the first time, and when at the earliest and latest each became true."""

    earliest_s: Floats
    latest_s: Floats
    energy_j: Floats
    segment: npt.NDArray[np.int64]  # grows by one where the counter went backwards
    resets_s: Floats  # when it did

    def __len__(self) -> int:
        return len(self.energy_j)


def counter_ticks(trace: Trace) -> Ticks:
    """The ticks of the counter. The first sample of a trace (or after a reset) is none: its age is unknown.

    A value is taken to be at most two periods old when it is read (the sensor skips at most one tick). Hence
    one rule does for NVML (100 ms, each tick polled many times) and RAPL (1 ms, each poll new).
    """
    known = np.isfinite(trace.energy_j)
    energy = trace.energy_j[known]
    half = trace.read_s[known].astype(np.float64) / 2
    start, end = trace.time_s[known] - half, trace.time_s[known] + half
    change = np.diff(energy)
    segment = np.concatenate([[0], np.cumsum(change < 0)]) if len(energy) else np.zeros(0, np.int64)
    new = np.flatnonzero(change > 0) + 1
    return Ticks(
        earliest_s=np.maximum(start[new - 1], start[new] - 2 * trace.tick_s),
        latest_s=end[new],
        energy_j=energy[new],
        segment=segment[new],
        resets_s=end[np.flatnonzero(change < 0) + 1],
    )


def _counter_at(
    ticks: Ticks, times: Floats, smooth: bool, resolution_j: float
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Counter (J), bound of its error (J), segment at each time; NaN, NaN, -1 where no ticks enclose it."""
    energy, bound = np.full(times.shape, np.nan), np.full(times.shape, np.nan)
    segment = np.full(times.shape, -1, np.int64)
    for number in np.unique(ticks.segment):
        of = ticks.segment == number
        early, late, value = ticks.earliest_s[of], ticks.latest_s[of], ticks.energy_j[of]
        if len(value) < 2:
            continue
        here = np.flatnonzero((times >= late[0]) & (times <= early[-1]))
        t = times[here]
        below = np.clip(np.searchsorted(late, t, side="right") - 1, 0, len(value) - 2)  # a tick surely past
        above = np.clip(np.searchsorted(early, t, side="left"), 1, len(value) - 1)  # a tick surely to come
        enclosed = late[above] - early[below] <= STUCK_S + np.maximum(late - early, 0).max()
        # Constant power between ticks: the counter interpolates, and runs between these two curves.
        lower, upper = np.interp(t, late, value), np.interp(t, early, value)
        middle = (lower + upper) / 2
        # Any power: energy only grows, so it lies between the ticks on either side.
        low, high = value[below], value[above]
        if smooth:
            slack = np.maximum(*(_unevenness(early, late, value, i) for i in (below, above - 1)))
            low, high = np.maximum(low, lower - slack), np.minimum(high, upper + slack)
        error = np.maximum(high - middle, middle - low) + resolution_j
        energy[here] = np.where(enclosed, middle, np.nan)
        bound[here] = np.where(enclosed, error, np.nan)
        segment[here] = np.where(enclosed, number, -1)
    return energy, bound, segment


def _unevenness(early: Floats, late: Floats, value: Floats, i: npt.NDArray[np.intp]) -> Floats:
    """How far (J) the energy within tick interval i may stray from a straight line.

    Power between p and q with a fixed mean strays by at most (q - p) h / 4 within h seconds. p and q are the
    extremes of the mean powers of the interval and its two neighbours; doubled for what means do not show.
    """
    middle = (early + late) / 2
    length = np.diff(middle)
    power = np.diff(value) / length
    padded = np.concatenate([power[:1], power, power[-1:]])
    trio = np.stack([padded[:-2], padded[1:-1], padded[2:]])
    return cast(Floats, (length * np.ptp(trio, axis=0) / 2)[i])


def counter_energy(trace: Trace, edges: npt.ArrayLike, smooth: bool = True) -> tuple[Floats, Floats]:
    """Energy of each window by the counter (J), and a bound of the error at its two edges (J).

    `edges` as for `window_bounds`. The bound has two parts. When did the tick fall: (time between two polls +
    read time) / 2 x power, rigorous. How even is power within the tick interval that holds the edge: judged
    by the powers of the neighbouring intervals, right for power that steps or bends at most once in three
    ticks. With `smooth=False` only monotony is assumed: the bound, up to a tick's energy per edge, holds for
    any power.
    A constant delay of the sensor shifts both edges alike and is in neither.

    NaN where an edge is not enclosed by ticks less than STUCK_S apart, or the counter went backwards in the
    window. A stuck counter has no ticks, so its windows are NaN, never 0 J.
    """
    starts, ends = window_bounds(edges)
    ticks, resolution_j = counter_ticks(trace), SOURCES[trace.source].resolution_j
    at_start, start_error, start_segment = _counter_at(ticks, starts, smooth, resolution_j)
    at_end, end_error, end_segment = _counter_at(ticks, ends, smooth, resolution_j)
    whole = (start_segment == end_segment) & (start_segment >= 0)
    return np.where(whole, at_end - at_start, np.nan), np.where(whole, start_error + end_error, np.nan)
