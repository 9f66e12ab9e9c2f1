"""Raw sensor samples, and the joules of windows cut from them. Pure numpy; needs no sensor, GPU or torch.

A counter shows the energy used up to its last tick. Polling sees a tick as a new value: the tick fell between
the start of the read that still showed the old value and the end of the read that showed the new one. Hence
every tick has an earliest and a latest time, the energy at any moment lies between the two curves through
them, and half the distance between the curves is what polling cannot know.

Power readings are integrated by the trapezoid rule.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from trainables.energy.meter import EnergySource, Sample
from trainables.rows.flags import MAX_TEMPERATURE_DRIFT_C, MIN_WINDOW_S, MIN_WINDOW_UPDATES

Floats = npt.NDArray[np.float64]

COUNTER_SOURCES: tuple[EnergySource, ...] = ("nvml_counter", "rapl")

COUNTER_RESOLUTION_J = 1e-3  # NVML counts millijoules, RAPL finer (15-61 uJ)
STUCK_S = 1.0  # a counter without a tick for this long (ten of NVML's) says nothing about the time between
MISMATCH_AT_10_S = 0.03

# Clock-event bits (nvmlClocksEventReasons in nvml.h) of each flag. HwThermalSlowdown is heat and hardware.
THROTTLE_FLAGS: dict[str, int] = {
    "power_capped": 0x4,  # SwPowerCap
    "thermal_throttled": 0x20 | 0x40,  # SwThermalSlowdown, HwThermalSlowdown
    "hw_slowdown": 0x8 | 0x40 | 0x80,  # HwSlowdown, HwThermalSlowdown, HwPowerBrakeSlowdown
}

# Time, energy and power keep float64: microseconds on a clock that reads 1e6 s, millijoules on a counter that
# reads 1e9 J and exact sums of watts. The rest is coarse (1 C, 1 MHz, read times of milliseconds).
_FIELDS: tuple[tuple[str, str], ...] = (
    ("time_s", "float64"),
    ("read_s", "float32"),
    ("energy_j", "float64"),
    ("power_w", "float64"),
    ("temperature_c", "float32"),
    ("sm_clock_mhz", "float32"),
    ("throttle", "int64"),
)
ROW_WIDTH = len(_FIELDS)


def sample_row(sample: Sample) -> tuple[float, ...]:
    """A sample as ROW_WIDTH floats in the order of a trace's arrays; NaN for None."""
    nan = float("nan")
    return (
        sample.time_s,
        sample.read_s,
        nan if sample.energy_j is None else sample.energy_j,
        nan if sample.power_w is None else sample.power_w,
        nan if sample.temperature_c is None else sample.temperature_c,
        nan if sample.sm_clock_mhz is None else sample.sm_clock_mhz,
        float(sample.throttle),
    )


@dataclass(frozen=True)
class Trace:
    """Samples in the order of time: seven arrays of one length, NaN where the device has no such reading.

    `source` names the reading that is the headline, `tick_s` the sensor's period. Both travel with the
    samples: a stored trace and the edges of its windows are all that energies need.
    """

    time_s: Floats  # middle of the read, time.perf_counter
    read_s: npt.NDArray[np.float32]  # how long it took
    energy_j: Floats  # cumulative counter
    power_w: Floats
    temperature_c: npt.NDArray[np.float32]
    sm_clock_mhz: npt.NDArray[np.float32]
    throttle: npt.NDArray[np.int64]  # NVML clock-event bits
    source: EnergySource
    tick_s: float

    @classmethod
    def from_rows(cls, rows: npt.ArrayLike, source: EnergySource, tick_s: float) -> "Trace":
        """From floats of shape (n, ROW_WIDTH), or flat, as `sample_row` orders them."""
        table = np.asarray(rows, np.float64).reshape(-1, ROW_WIDTH)
        arrays: dict[str, Any] = {name: table[:, i].astype(dtype) for i, (name, dtype) in enumerate(_FIELDS)}
        return cls(**arrays, source=source, tick_s=tick_s)

    @classmethod
    def from_samples(cls, samples: Iterable[Sample], source: EnergySource, tick_s: float) -> "Trace":
        return cls.from_rows([sample_row(s) for s in samples], source, tick_s)

    def __len__(self) -> int:
        return len(self.time_s)

    def to_parquet_bytes(self) -> bytes:
        """A Parquet file (zstd), some ten bytes a sample; `from_parquet_bytes` gives back the same trace."""
        table = pa.table({name: getattr(self, name) for name, _ in _FIELDS})
        table = table.replace_schema_metadata({"source": self.source, "tick_s": repr(self.tick_s)})
        # Timestamps differ in their low bytes only, which byte-stream splitting lets zstd see; the other
        # columns repeat their values, which is what dictionaries are for.
        changing = ["time_s", "read_s"]
        sink = io.BytesIO()
        pq.write_table(
            table,
            sink,
            compression="zstd",
            use_dictionary=[name for name, _ in _FIELDS if name not in changing],
            column_encoding=dict.fromkeys(changing, "BYTE_STREAM_SPLIT"),
            write_statistics=False,
        )
        return sink.getvalue()

    @classmethod
    def from_parquet_bytes(cls, data: bytes) -> "Trace":
        """Raises ValueError when the file is not a trace."""
        table = pq.read_table(io.BytesIO(data))
        meta = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        missing = {name for name, _ in _FIELDS} - set(table.column_names)
        if missing or meta.get("source") not in get_args(EnergySource) or "tick_s" not in meta:
            raise ValueError(f"not a trace of sensor samples: columns {table.column_names}, metadata {meta}")
        arrays: dict[str, Any] = {name: table.column(name).to_numpy().astype(dtype) for name, dtype in _FIELDS}
        return cls(**arrays, source=cast(EnergySource, meta["source"]), tick_s=float(meta["tick_s"]))


def window_bounds(edges: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Starts and ends (s) of n contiguous windows (n + 1 edges) or separate ones (array of shape (n, 2))."""
    times = np.asarray(edges, np.float64)
    if times.ndim == 2 and times.shape[1] == 2:
        starts, ends = times[:, 0], times[:, 1]
    elif times.ndim == 1 and len(times) >= 2:
        starts, ends = times[:-1], times[1:]
    else:
        raise ValueError(f"edges must be n + 1 times, or pairs of shape (n, 2), but have shape {times.shape}")
    if not (ends > starts).all() or not (starts[1:] >= ends[:-1]).all():
        raise ValueError("windows must have positive length, follow each other in time and not overlap")
    return starts, ends


# ---- the counter ------------------------------------------------------------------------------------------


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


def _counter_at(ticks: Ticks, times: Floats, smooth: bool) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
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
        error = np.maximum(high - middle, middle - low) + COUNTER_RESOLUTION_J
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
    ticks = counter_ticks(trace)
    at_start, start_error, start_segment = _counter_at(ticks, starts, smooth)
    at_end, end_error, end_segment = _counter_at(ticks, ends, smooth)
    whole = (start_segment == end_segment) & (start_segment >= 0)
    return np.where(whole, at_end - at_start, np.nan), np.where(whole, start_error + end_error, np.nan)


# ---- power ------------------------------------------------------------------------------------------------


def power_energy(trace: Trace, edges: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Energy of each window by integrated power (J), and a bound of its error (J).

    Trapezoid rule with power interpolated at the edges: exact for piecewise-linear power read at its knots.
    Otherwise, for power that stays between two successive readings, which are at most `tick_s` old, the error
    is at most the sum over readings of |change| x (time between readings / 2 + tick_s).
    NaN where an edge lies outside the readings.
    """
    starts, ends = window_bounds(edges)
    known = np.isfinite(trace.power_w)
    time, power = trace.time_s[known], trace.power_w[known]
    if len(time) < 2:
        return np.full(starts.shape, np.nan), np.full(starts.shape, np.nan)
    gap, change = np.diff(time), np.diff(power)
    total = np.concatenate([[0.0], np.cumsum((power[1:] + power[:-1]) / 2 * gap)])
    error = np.concatenate([[0.0], np.cumsum(np.abs(change) * (gap / 2 + trace.tick_s))])

    def integral(t: Floats) -> Floats:
        i = np.clip(np.searchsorted(time, t, side="right") - 1, 0, len(gap) - 1)
        x = t - time[i]
        return total[i] + power[i] * x + change[i] / gap[i] * x * x / 2

    first = np.clip(np.searchsorted(time, starts, side="right") - 1, 0, len(time) - 1)
    shown_s = ends + trace.tick_s  # by then the readings show what power did up to the end
    last = np.clip(np.searchsorted(time, shown_s, side="left"), 0, len(time) - 1)
    inside = (starts >= time[0]) & (ends <= time[-1])
    return (
        np.where(inside, integral(ends) - integral(starts), np.nan),
        np.where(inside, error[last] - error[first], np.nan),
    )


# ---- both, with the flags ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class WindowEnergies:
    """What a trace says about its windows. Arrays have one value per window, NaN where it cannot be told."""

    source: EnergySource
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


def window_energies(trace: Trace, edges: npt.ArrayLike, source: EnergySource | None = None) -> WindowEnergies:
    """Energies, errors, flags, temperatures and clock of the windows (`edges` as for `window_bounds`).

    `source` is the headline, by default the trace's own. Flags set here (`trainables.rows.flags` has their rules):
    counter_reset, counter_power_mismatch, power_capped, thermal_throttled, hw_slowdown, temperature_drift,
    short_window, estimated.
    """
    source = source or trace.source
    starts, ends = window_bounds(edges)
    duration = ends - starts
    by_counter = source in COUNTER_SOURCES
    counter_j, counter_error_j = counter_energy(trace, edges)
    power_j, power_error_j = power_energy(trace, edges)
    energy_j, error_j = (counter_j, counter_error_j) if by_counter else (power_j, power_error_j)

    opens = np.concatenate([[True], starts[1:] > ends[:-1]])
    spans = np.stack([starts[opens], ends[np.concatenate([opens[1:], [True]])]], axis=1)
    total_j, total_error_j = (a.sum() for a in (counter_energy if by_counter else power_energy)(trace, spans))
    counter_total_j, power_total_j = (counter_energy(trace, spans)[0].sum(), power_energy(trace, spans)[0].sum())
    residual = _number((counter_total_j - power_total_j) / counter_total_j) if counter_total_j > 0 else None

    ticks = counter_ticks(trace)
    inside = _inside(trace.time_s, starts, ends)
    temperature = trace.temperature_c[inside & np.isfinite(trace.temperature_c)]
    clock = trace.sm_clock_mhz[inside & np.isfinite(trace.sm_clock_mhz)]

    flags: set[str] = set()
    if source == "estimate":
        flags.add("estimated")
    elif _short(trace, ticks, starts, ends, by_counter):
        flags.add("short_window")
    if len(ticks.resets_s) and _inside(ticks.resets_s, starts, ends).any():
        flags.add("counter_reset")
    if residual is not None and abs(residual) > mismatch_threshold(float(duration.sum())):
        flags.add("counter_power_mismatch")
    if len(temperature) and float(np.ptp(temperature)) > MAX_TEMPERATURE_DRIFT_C:
        flags.add("temperature_drift")
    bits = int(np.bitwise_or.reduce(trace.throttle[inside])) if inside.any() else 0
    flags |= {name for name, mask in THROTTLE_FLAGS.items() if bits & mask}

    return WindowEnergies(
        source=source,
        duration_s=duration,
        energy_j=energy_j,
        power_energy_j=power_j,
        edge_error_j=error_j,
        total_energy_j=_number(total_j),
        total_edge_error_j=_number(total_error_j),
        counter_power_residual=residual,
        temperature_start_c=float(temperature[0]) if len(temperature) else None,
        temperature_end_c=float(temperature[-1]) if len(temperature) else None,
        sm_clock_mhz=float(np.median(clock)) if len(clock) else None,
        flags=frozenset(flags),
        reason=None if np.isfinite(energy_j).all() else _why_missing(trace, ticks, by_counter, flags),
    )


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
