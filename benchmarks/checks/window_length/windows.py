"""Windows cut from a recorded load, and how far the energy of each is from that of the whole load."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.checks.window_length import PRECISION
from search_spaces.sweep_config import Measuring
from trainables.energy.counter import counter_energy
from trainables.energy.power import power_energy
from trainables.energy.trace import Trace
from trainables.energy.windows import window_energies
from trainables.rows.interval import relative_half_width

METHODS = ("counter, interpolated", "counter, as read", "averaged power")
STRIDE_S = 0.137  # between starts of warm windows: no multiple of the sensor's 0.1 s
SETTLED = 0.02  # above what polling leaves uncertain in 1 s (some 10 ms)
SHOWN_S = 3.5  # of the first cold start, in the figure
BEFORE_S = 0.5


def analyse(
    trace: Trace,
    averaged: Trace,
    starts: Sequence[np.ndarray],
    examples: int,
    lengths: Sequence[float],
    settled_s: float,
    defaults: Measuring,
) -> dict[str, Any]:
    """From the traces and the ends of passes of each start (the long load last) to biases, in J/example."""
    long = starts[-1]
    warm = long[long >= long[0] + settled_s]
    reference_j = float(counter_energy(trace, warm[[0, -1]])[0][0])
    reference = reference_j / (len(warm) - 1)  # J per pass
    points = []
    for length_s in lengths:
        for phase, windows in (
            ("cold", [w for s in starts if (w := window_from(s, 0, length_s))]),
            ("warm", spaced_windows(warm, length_s)),
        ):
            if windows:
                points.append(_point(trace, averaged, windows, reference) | {"length_s": length_s, "phase": phase})
    default = spaced_windows(warm, defaults.min_window_s, stride_s=defaults.min_window_s)[: defaults.min_windows]
    energies = [
        float(counter_energy(trace, np.array([w[:2]]))[0][0]) / w[2] for w in default
    ]  # J per pass, adjacent windows as in a trial
    needed = needed_length(
        {p["length_s"]: p["bias"][METHODS[0]]["p95_abs"] for p in points if p["phase"] == "warm"}, PRECISION
    )
    tail_s = 2.5 * trace.tick_s + 0.01
    return {
        "reference_j_per_example": reference / examples,
        "reference_s": float(warm[-1] - warm[0]),
        "mean_power_w": reference_j / float(warm[-1] - warm[0]),
        "points": points,
        "settled_after_s": settled_after(trace, long, reference, SETTLED),
        "needed_s": needed,
        "cost_s": None if needed is None else defaults.warmup_s + needed + tail_s,
        "default_trial_s": defaults.warmup_s + defaults.min_windows * defaults.min_window_s + tail_s,
        "default_half_width": relative_half_width(np.array(energies)) if len(energies) > 1 else None,
        "cold_start": _cold_start(trace, averaged, starts[0]),
    }


Window = tuple[float, float, int]  # start (s), end (s), passes


def window_from(ends: np.ndarray, first: int, length_s: float) -> Window | None:
    """The shortest window of whole passes from `ends[first]` that lasts `length_s`; None if there is none."""
    last = int(np.searchsorted(ends, ends[first] + length_s))
    return (float(ends[first]), float(ends[last]), last - first) if first < last < len(ends) else None


def spaced_windows(ends: np.ndarray, length_s: float, stride_s: float = STRIDE_S) -> list[Window]:
    """Windows (overlapping where the stride is shorter) whose starts are at least `stride_s` apart."""
    windows, first = [], 0
    while first < len(ends) and (window := window_from(ends, first, length_s)):
        windows.append(window)
        first = int(np.searchsorted(ends, max(ends[first] + stride_s, np.nextafter(ends[first], np.inf))))
    return windows


def as_read(trace: Trace, edges: np.ndarray) -> np.ndarray:
    """Energy of windows (n, 2) by the counter as last read before each end (J)."""
    known = np.isfinite(trace.energy_j)
    time_s, energy = trace.time_s[known], trace.energy_j[known]
    shown = energy[np.clip(np.searchsorted(time_s, edges, side="right") - 1, 0, len(energy) - 1)]
    return shown[:, 1] - shown[:, 0]


def _point(trace: Trace, averaged: Trace, windows: list[Window], reference_j: float) -> dict[str, Any]:
    """Biases of windows by each method, the bound of the edge error and how many are flagged short."""
    edges, passes = np.array([w[:2] for w in windows]), np.array([w[2] for w in windows])
    one = [counter_energy(trace, e[None]) for e in edges]  # one by one: warm windows overlap
    counter, error = (np.array([part[i][0] for part in one]) for i in (0, 1))
    power = np.array([power_energy(averaged, e[None])[0][0] for e in edges])
    flagged = sum("short_window" in window_energies(trace, e[None]).flags for e in edges)
    by_method = (counter, as_read(trace, edges), power)
    return {
        "windows": len(windows),
        "bias": {m: biases(e / passes, reference_j) for m, e in zip(METHODS, by_method, strict=True)},
        "edge_error": float(np.median(error / counter)),
        "flagged": flagged,
    }


def biases(values: np.ndarray, reference: float) -> dict[str, float]:
    """Relative differences from the reference: their median, 5th and 95th percentile, 95th of the absolute."""
    relative = values / reference - 1
    return {
        "median": float(np.median(relative)),
        "p5": float(np.percentile(relative, 5)),
        "p95": float(np.percentile(relative, 95)),
        "p95_abs": float(np.percentile(np.abs(relative), 95)),
    }


def needed_length(bias: dict[float, float], limit: float) -> float | None:
    """The shortest length (s) from which on every |bias| is within the limit."""
    needed = None
    for length_s in sorted(bias, reverse=True):
        if not bias[length_s] <= limit:
            break
        needed = length_s
    return needed


def settled_after(trace: Trace, ends: np.ndarray, reference_j: float, limit: float) -> float | None:
    """Seconds after which a load's windows of 1 s stay within the limit of the reference, in J per pass."""
    windows = spaced_windows(ends, 1.0, stride_s=0.25)
    settled: float | None = None
    for start_s, end_s, passes in reversed(windows):
        energy = float(counter_energy(trace, np.array([start_s, end_s]))[0][0])
        if not abs(energy / passes / reference_j - 1) <= limit:
            break
        settled = start_s - float(ends[0])
    return settled


def _cold_start(trace: Trace, averaged: Trace, ends: np.ndarray) -> dict[str, Any]:
    """The readings around the first cold start, for the figure; its time is 0."""

    def part(of: Trace, column: str) -> list[tuple[float, float]]:
        time_s = of.time_s - ends[0]
        near = (time_s >= -BEFORE_S) & (time_s <= SHOWN_S)
        return list(zip(time_s[near].tolist(), getattr(of, column)[near].tolist(), strict=True))

    return {
        "load_s": float(ends[-1] - ends[0]),
        "instant_w": part(trace, "power_w"),
        "averaged_w": part(averaged, "power_w"),
    }
