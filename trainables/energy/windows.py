"""What a trace says of its windows: joules with the bounds of their errors, temperatures, clock, and flags."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainables.energy.counter import STUCK_S, Ticks, counter_energy, counter_ticks
from trainables.energy.meter import LOAD_STOPPED
from trainables.energy.power import power_energy
from trainables.energy.sources import SOURCES
from trainables.energy.trace import Floats, Trace, window_bounds
from trainables.rows.flags import (
    ABOVE_POWER_LIMIT,
    COUNTER_IMPLAUSIBLE,
    MAX_COUNTER_SHARE,
    MAX_LIMIT_SHARE,
    MAX_STILL_S,
    MAX_TEMPERATURE_DRIFT_C,
    MIN_WINDOW_S,
    MIN_WINDOW_UPDATES,
    STRETCHED_WINDOW,
)

MISMATCH_AT_10_S = 0.03

STILL_READINGS = 5  # readings that far apart, compared with the usual, are missing ones


@dataclass(frozen=True)
class WindowEnergies:
    """What a trace says about its windows. Arrays have one value per window, NaN where it cannot be told."""

    source: str
    duration_s: Floats
    energy_j: Floats  # by the headline source
    power_energy_j: Floats  # by integrated power, whatever the headline
    edge_error_j: Floats  # bound of the headline's error
    total_energy_j: float | None  # contiguous windows joined, so that inner edges do not count as errors
    total_edge_error_j: float | None
    counter_power_residual: float | None  # (counter - integrated power) / counter, over all windows
    temperature_start_c: float | None
    temperature_end_c: float | None
    sm_clock_mhz: float | None  # median
    flags: frozenset[str]
    reason: str | None  # why energies are missing


def mismatch_threshold(total_s: float) -> float:
    """Largest |residual| of counter and power that is not flagged: 3 % from 10 s on, growing as 1/sqrt below.

    Power has ten readings a second, each a sample of what the counter sums, so the error of their mean falls
    with the square root of their number: 9.5 % at 1 s, 4.2 % at 5 s. Beyond 10 s what is left is systematic.
    """
    return MISMATCH_AT_10_S * max(1.0, float(np.sqrt(10.0 / total_s)))


def window_energies(trace: Trace, edges: npt.ArrayLike, source: str | None = None) -> WindowEnergies:
    """Energies, errors, flags, temperatures and clock of the windows (`edges` as for `window_bounds`).

    `source` is the headline, by default the trace's own. Flags set here (`trainables.rows` has their rules):
    counter_reset, counter_power_mismatch, its IMPLAUSIBLE, temperature_drift, short_window, estimated, and those of the
    source's throttle bits. Raises UsageError for a source that is not entered in `sources.SOURCES`.
    """
    headline = SOURCES[source or trace.source]
    starts, ends = window_bounds(edges)
    opens = np.concatenate([[True], starts[1:] > ends[:-1]])
    spans = np.stack([starts[opens], ends[np.concatenate([opens[1:], [True]])]], axis=1)
    power, power_total = power_energy(trace, edges), [a.sum() for a in power_energy(trace, spans)]
    counter, counter_total = counter_energy(trace, edges), [a.sum() for a in counter_energy(trace, spans)]
    (energy_j, error_j), (total_j, total_error_j) = (
        (counter, counter_total) if headline.counter else (power, power_total)
    )
    residual = _number((counter_total[0] - power_total[0]) / counter_total[0]) if counter_total[0] > 0 else None

    ticks = counter_ticks(trace)
    inside = _inside(trace.time_s, starts, ends)
    temperature = trace.temperature_c[inside & np.isfinite(trace.temperature_c)]
    clock = trace.sm_clock_mhz[inside & np.isfinite(trace.sm_clock_mhz)]
    flags = _throttle_flags(trace, inside)
    if not headline.measured:
        flags.add("estimated")
    elif _short(trace, ticks, starts, ends, headline.counter):
        flags.add("short_window")
    if len(ticks.resets_s) and _inside(ticks.resets_s, starts, ends).any():
        flags.add("counter_reset")
    if residual is not None and abs(residual) > mismatch_threshold(float((ends - starts).sum())):
        flags.add("counter_power_mismatch")
    if headline.counter and (_contradict(counter, power[0]) or _contradict(counter_total, power_total[0])):
        flags.add(COUNTER_IMPLAUSIBLE)
    limit_w = np.inf if trace.power_limit_w is None or not headline.measured else trace.power_limit_w
    if (energy_j > MAX_LIMIT_SHARE * limit_w * (ends - starts)).any():
        flags.add(ABOVE_POWER_LIMIT)
    if _stretched(trace, starts, ends, inside):
        flags.add(STRETCHED_WINDOW)
    if len(temperature) and float(np.ptp(temperature)) > MAX_TEMPERATURE_DRIFT_C:
        flags.add("temperature_drift")

    return WindowEnergies(
        source=headline.name,
        duration_s=ends - starts,
        energy_j=energy_j,
        power_energy_j=power[0],
        edge_error_j=error_j,
        total_energy_j=_number(total_j),
        total_edge_error_j=_number(total_error_j),
        counter_power_residual=residual,
        temperature_start_c=float(temperature[0]) if len(temperature) else None,
        temperature_end_c=float(temperature[-1]) if len(temperature) else None,
        sm_clock_mhz=float(np.median(clock)) if len(clock) else None,
        flags=frozenset(flags),
        reason=None if np.isfinite(energy_j).all() else _why_missing(trace, ticks, headline.counter, flags),
    )


def _contradict(counter: Sequence[Any], power_j: Any) -> bool:
    """Is the counter's energy, of any window, further from the integrated power than both can be wrong?

    The edge error counts for half of the energy at most: a counter that jumps at an edge makes its own bound huge.
    """
    energy_j, error_j = counter
    allowed_j = MAX_COUNTER_SHARE * power_j + np.minimum(error_j, 0.5 * power_j)
    return bool(np.any(np.abs(energy_j - power_j) > allowed_j))  # False where one is NaN: there is nothing to compare


def _stretched(trace: Trace, starts: Floats, ends: Floats, inside: npt.NDArray[np.bool_]) -> bool:
    """Did the measuring process stand still within a window?

    Where a process of its own reads the sensor, it sees that the load is stopped. Where a thread does, or where all is
    stopped (a container, a virtual machine), readings are missing. The times of passes tell less: between the windows
    of one undisturbed trial they differ up to 1.8-fold on a card that changes its clocks.
    """
    if (trace.throttle[inside] & LOAD_STOPPED).any():
        return True
    if len(trace) < 3:
        return False
    gap = np.diff(trace.time_s)
    long = np.flatnonzero(gap > max(MAX_STILL_S, STILL_READINGS * float(np.median(gap))))
    begin, end = trace.time_s[long][:, None], trace.time_s[long + 1][:, None]
    return bool((np.minimum(end, ends) - np.maximum(begin, starts) > MAX_STILL_S).any())


def _throttle_flags(trace: Trace, inside: npt.NDArray[np.bool_]) -> set[str]:
    """What the bits of the samples in the windows say, by the source that set them."""
    bits = int(np.bitwise_or.reduce(trace.throttle[inside])) if inside.any() else 0
    return {flag for flag, mask in SOURCES[trace.source].throttle.items() if bits & mask}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _inside(times: Floats, starts: Floats, ends: Floats) -> npt.NDArray[np.bool_]:
    """Which times fall into a window (windows are in order and do not overlap)."""
    i = np.searchsorted(starts, times, side="right") - 1
    return (i >= 0) & (times <= ends[np.maximum(i, 0)])


def _short(trace: Trace, ticks: Ticks, starts: Floats, ends: Floats, by_counter: bool) -> bool:
    """Shorter than 1 s, or fewer than ten updates seen; up to one update is shared with the neighbours."""
    middle = (ticks.earliest_s + ticks.latest_s) / 2
    updates = middle if by_counter else trace.time_s[np.isfinite(trace.power_w)]
    seen = np.searchsorted(updates, ends, side="right") - np.searchsorted(updates, starts, side="left")
    possible = (ends - starts) / trace.tick_s if trace.tick_s > 0 else np.inf
    few = np.minimum(seen, possible) < MIN_WINDOW_UPDATES - 1
    return bool((few | (ends - starts < MIN_WINDOW_S)).any())


def _why_missing(trace: Trace, ticks: Ticks, by_counter: bool, flags: set[str]) -> str:
    """One sentence for the row's null_reasons."""
    if not by_counter:
        if not np.isfinite(trace.power_w).any():
            return "the trace has no power readings"
        return "a window's edge lies outside the power readings"
    if not np.isfinite(trace.energy_j).any():
        return "the trace has no counter readings"
    if "counter_reset" in flags:
        return "the energy counter went backwards"
    last = ticks.latest_s[-1] if len(ticks) else trace.time_s[0]
    marks = np.concatenate([trace.time_s[:1], ticks.latest_s, trace.time_s[-1:]])
    silent_s = float(np.diff(marks).max()) if len(ticks) else float(trace.time_s[-1] - last)
    if silent_s > STUCK_S:
        watts = trace.power_w[np.isfinite(trace.power_w)]
        drew = f" while the device drew {np.median(watts):.0f} W" if len(watts) else ""
        return f"the energy counter is stuck: no tick for {silent_s:.1f} s{drew}"
    return "a window's edge lies before the first or after the last tick of the counter"
