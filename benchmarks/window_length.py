"""How long must a window be? The published experiment's worst case over windows of 0.2 to 10 s, by three readings.

    python -m benchmarks.window_length --model DIR --data-dir DIR --output DIR
    python -m benchmarks.window_length --draw DIR/window_length.json       # the figure, anywhere, later

16 tokens, fp16, batch 64: a pass over SST-2 took 0.18 s on that experiment's L4, whose power reading is a trailing 1 s
average. Windows are whole passes, cut from a few recordings:

- warm: one long load; windows start at many places in it, once it has run for `--settled-s`;
- cold: `--idle-s` of idleness, then load at once, and the window begins with it (no warm-up, as published).

The energy of each by the counter interpolated between ticks (ours), by the counter as it reads at the two ends (up to a
tick stale each), and by plain averaged power (`nvmlDeviceGetPowerUsage`) integrated. `bias` is J/example relative to
that of the whole warm load by the counter. A cold window's bias by the counter is real energy: a card that is still
raising clocks and voltage. What averaged power adds to it is the sensor's.

Bars: as much warm load as a default trial measures (`Measuring.min_total_s`, 5 s) within 1 % by the counter, in 95 % of
the places where it may start; the flag `short_window` on every window under 1 s and on none from 1 s on.
"""

import argparse
import base64
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainables.energy.meter import Meter, Sample
from tuner.cli import run_command

if TYPE_CHECKING:
    from trainables.energy.trace import Trace
    from trainables.worker import Bench

NAME = "window_length"
METHODS = ("counter, interpolated", "counter, as read", "averaged power")
STRIDE_S = 0.137  # between starts of warm windows: no multiple of the sensor's 0.1 s
PRECISION = 0.01  # "a 1 % number"
SETTLED = 0.02  # above what polling leaves uncertain in 1 s (some 10 ms)
SHOWN_S = 3.5  # of the first cold start, in the figure
BEFORE_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--window-lengths", nargs="+", type=float, default=[0.2, 0.5, 1, 2, 5, 10])
    parser.add_argument("--window-backends", nargs="+", help="default: cuda_graph (steady power), eager on a CPU")
    parser.add_argument("--long-s", type=float, default=14.0, help="seconds of the long load")
    parser.add_argument("--settled-s", type=float, default=3.0, help="of it before the warm windows")
    parser.add_argument("--cold-starts", type=int, default=3, help="short cold starts, beside the long load's")
    parser.add_argument("--cold-s", type=float, default=2.2, help="seconds of a short cold start")
    parser.add_argument("--idle-s", type=float, default=1.5, help="seconds of idleness before each start")
    parser.add_argument("--window-bar", type=float, default=PRECISION, help="largest |bias|, default trial")
    parser.add_argument("--draw", type=Path, help="draw this JSON file of an earlier run and stop")


def run(bench: "Bench", arguments: argparse.Namespace) -> tuple[dict[str, Any], list[Any]]:
    from benchmarks.common import LAUNCH_BOUND, Bar, shape_for, table
    from search_spaces.sweep_config import Measuring

    backends = arguments.window_backends or ["cuda_graph" if bench.device.type == "cuda" else "eager"]
    results = [_backend(bench, shape_for(bench, LAUNCH_BOUND, b), arguments) for b in backends]
    bars = []
    for result in results:
        points = result["points"]
        print(f"{result['configuration']}: {result['reference_j_per_example']:.4g} J/example, ", end="")
        print(f"{result['mean_power_w']:.0f} W, warm, over {result['reference_s']:.1f} s")
        print(
            table(
                ("window s", "phase", *(f"{m} %" for m in METHODS), "edge bound %", "short_window", "windows"),
                [
                    (
                        f"{p['length_s']:g}",
                        p["phase"],
                        *(_spread(p["bias"][m]) for m in METHODS),
                        f"{100 * p['edge_error']:.2f}",
                        f"{p['flagged']}/{p['windows']}",
                        p["windows"],
                    )
                    for p in points
                ],
            )
        )
        needed = result["needed_s"]
        print(
            f"after a cold start, windows of 1 s stay within {100 * SETTLED:g} % of the final value from "
            f"{_seconds(result['settled_after_s'])} on"
        )
        print(
            f"shortest warm window with 95 % of biases within 1 %: {_seconds(needed)}; with the default warm-up "
            f"and the tail a 1 % number costs {_seconds(result['cost_s'])} of load; a default trial "
            f"({result['default_trial_s']:.1f} s) has a half-width of {_percent(result['default_half_width'])}"
        )
    # A trial's number is that of its windows joined, so the bar is on their total length.
    total_s = Measuring().min_total_s
    warm = [p for p in results[0]["points"] if p["phase"] == "warm" and p["length_s"] <= total_s]
    longest = max(warm, key=lambda p: p["length_s"], default=None)
    bars.append(
        Bar(
            f"|bias| of {longest['length_s'] if longest else total_s:g} s of warm load by the counter",
            longest["bias"][METHODS[0]]["p95_abs"] if longest else None,
            arguments.window_bar,
        )
    )
    wrong = sum(
        p["windows"] - p["flagged"] if p["length_s"] < 1 else p["flagged"] for r in results for p in r["points"]
    )
    bars.append(Bar("windows whose short_window flag is wrong", float(wrong), 0))
    return {"backends": results}, bars


def _seconds(value: float | None) -> str:
    return "none of those tried" if value is None else f"{value:.2g} s"


def _percent(value: float | None) -> str:
    return "unknown: the load was too short" if value is None else f"{100 * value:.2f} %"


def _spread(bias: dict[str, float]) -> str:
    return f"{100 * bias['median']:+.2f} ({100 * bias['p5']:+.2f} to {100 * bias['p95']:+.2f})"


# ---- recording --------------------------------------------------------------------------------------------


class AveragedPower(Meter):
    """A meter of `nvmlDeviceGetPowerUsage` alone (a trailing 1 s average on Ada and Hopper; nvml.h)."""

    source = "nvml_power"
    tick_s = 0.1
    poll_s = 0.02

    def __init__(self, bench: "Bench") -> None:
        self.device = bench.meter.device
        self._watts = getattr(bench.meter, "watts", None)  # smoke mode
        if self._watts is None:
            import pynvml

            pynvml.nvmlInit()
            self._nvml, self._handle = pynvml, pynvml.nvmlDeviceGetHandleByUUID(str(self.device.uuid))

    def read(self) -> Sample:
        begin = time.perf_counter()
        watts = self._watts or self._nvml.nvmlDeviceGetPowerUsage(self._handle) / 1e3
        end = time.perf_counter()
        return Sample((begin + end) / 2, end - begin, power_w=float(watts))


def _backend(bench: "Bench", shape: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Record one backend's cold starts and its long load, and cut the windows."""
    from benchmarks.common import Load
    from search_spaces.sweep_config import Measuring
    from trainables.energy.sampler import Sampler

    load = Load(bench, shape)
    load.run_for(0.2)  # kernels chosen, libraries loaded
    with Sampler(bench.meter) as sampler, Sampler(AveragedPower(bench)) as averaged:
        starts = []
        for _ in range(arguments.cold_starts):
            time.sleep(arguments.idle_s)
            starts.append(np.array(load.run_for(arguments.cold_s)))
        time.sleep(arguments.idle_s)
        starts.append(np.array(load.run_for(arguments.long_s)))
        load.run_for(3.5 * bench.meter.tick_s)
        sampler.cover(starts[-1][-1])
        traces = sampler.trace(), averaged.trace()
    result = analyse(*traces, starts, load.examples, arguments.window_lengths, arguments.settled_s, Measuring())
    return result | {
        "configuration": str(shape),
        "idle_before_s": arguments.idle_s,
        "recording": {
            "trace_parquet": base64.b64encode(traces[0].to_parquet_bytes()).decode(),
            "averaged_parquet": base64.b64encode(traces[1].to_parquet_bytes()).decode(),
            "pass_ends_s": starts,
            "examples_per_pass": load.examples,
        },
    }


# ---- cutting ----------------------------------------------------------------------------------------------


def analyse(
    trace: "Trace",
    averaged: "Trace",
    starts: Sequence[np.ndarray],
    examples: int,
    lengths: Sequence[float],
    settled_s: float,
    defaults: Any,
) -> dict[str, Any]:
    """From the traces and the ends of passes of each start (the long load last) to biases, in J/example."""
    from trainables.energy.counter import counter_energy
    from trainables.window import relative_half_width

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


def as_read(trace: "Trace", edges: np.ndarray) -> np.ndarray:
    """Energy of windows (n, 2) by the counter as last read before each end (J)."""
    known = np.isfinite(trace.energy_j)
    time_s, energy = trace.time_s[known], trace.energy_j[known]
    shown = energy[np.clip(np.searchsorted(time_s, edges, side="right") - 1, 0, len(energy) - 1)]
    return shown[:, 1] - shown[:, 0]


def _point(trace: "Trace", averaged: "Trace", windows: list[Window], reference_j: float) -> dict[str, Any]:
    """Biases of windows by each method, the bound of the edge error and how many are flagged short."""
    from trainables.energy.counter import counter_energy
    from trainables.energy.power import power_energy
    from trainables.energy.windows import window_energies

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


def settled_after(trace: "Trace", ends: np.ndarray, reference_j: float, limit: float) -> float | None:
    """Seconds after which a load's windows of 1 s stay within the limit of the reference, in J per pass."""
    from trainables.energy.counter import counter_energy

    windows = spaced_windows(ends, 1.0, stride_s=0.25)
    settled: float | None = None
    for start_s, end_s, passes in reversed(windows):
        energy = float(counter_energy(trace, np.array([start_s, end_s]))[0][0])
        if not abs(energy / passes / reference_j - 1) <= limit:
            break
        settled = start_s - float(ends[0])
    return settled


def _cold_start(trace: "Trace", averaged: "Trace", ends: np.ndarray) -> dict[str, Any]:
    """The readings around the first cold start, for the figure; its time is 0."""

    def part(of: "Trace", column: str) -> list[tuple[float, float]]:
        time_s = of.time_s - ends[0]
        near = (time_s >= -BEFORE_S) & (time_s <= SHOWN_S)
        return list(zip(time_s[near].tolist(), getattr(of, column)[near].tolist(), strict=True))

    return {
        "load_s": float(ends[-1] - ends[0]),
        "instant_w": part(trace, "power_w"),
        "averaged_w": part(averaged, "power_w"),
    }


# ---- the figure -------------------------------------------------------------------------------------------


def draw(file: Path) -> list[Path]:
    """`window_length[-BACKEND].png` and `.svg` beside the JSON file of a run."""
    from analysis.figures.style import styled

    results = json.loads(file.read_text())["backends"]
    written = []
    for number, result in enumerate(results):
        with styled():
            figure = figure_of(result)
            suffix = f"-{number}" if number else ""
            for kind in ("png", "svg"):
                written.append(file.with_name(f"{file.stem}{suffix}.{kind}"))
                figure.savefig(written[-1])
    return written


def figure_of(result: dict[str, Any]) -> Any:
    """Left: bias over window length, cold and warm. Right: what the readings say after a cold start."""
    from matplotlib.figure import Figure

    from analysis.figures.style import BLUE, GREEN, INK, MUTED, VERMILLION

    colors = dict(zip(METHODS, (BLUE, GREEN, VERMILLION), strict=True))
    figure = Figure(figsize=(7.2, 3.2))
    left, right = figure.subplots(1, 2)
    left.axvspan(1e-3, 1.0, color=MUTED, alpha=0.08, lw=0)
    left.axhline(0, color=INK, lw=0.8)
    for phase, line, filled in (("cold", "--", False), ("warm", "-", True)):
        points = [p for p in result["points"] if p["phase"] == phase]
        for method, aside in zip(METHODS, (0.94, 1.0, 1.06), strict=True):  # or the bars hide each other
            x = aside * np.array([p["length_s"] for p in points])
            low, middle, high = (
                100 * np.array([p["bias"][method][k] for p in points]) for k in ("p5", "median", "p95")
            )
            left.errorbar(
                x,
                middle,
                yerr=(middle - low, high - middle),
                color=colors[method],
                ls=line,
                lw=1,
                elinewidth=0.7,
                marker="o",
                mfc=colors[method] if filled else "white",
                ms=4,
                label=f"{method}, {phase}",
            )
    lengths = sorted({p["length_s"] for p in result["points"]})
    left.set_xscale("log")
    left.set_xticks(lengths, [f"{v:g}" for v in lengths])
    left.minorticks_off()
    left.set_xlim(lengths[0] / 1.25, lengths[-1] * 1.25)
    left.set_xlabel("Window (s); grey: flagged short_window")
    left.set_ylabel("J/example against the\nlong warm window (%)")
    left.set_title("Bias of short windows")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=7)

    start = result["cold_start"]
    for name, label, color in (
        ("instant_w", "instantaneous power", BLUE),
        ("averaged_w", "averaged power", VERMILLION),
    ):
        time_s, watts = np.array(start[name]).reshape(-1, 2).T
        right.step(time_s, watts, where="post", color=color, lw=1, label=label)
    right.axvspan(0, start["load_s"], color=MUTED, alpha=0.08, lw=0)
    right.set_xlim(-BEFORE_S, SHOWN_S)
    right.set_ylim(bottom=0)
    right.set_xlabel("Seconds since the load began; grey: load")
    right.set_ylabel("W")
    right.set_title("A cold start, as sensed")
    right.legend(loc="lower right")
    return figure


def main(argv: Sequence[str]) -> int:
    if "--draw" in argv:
        for path in draw(Path(argv[list(argv).index("--draw") + 1])):
            print(path)
        return 0
    from benchmarks import common

    return common.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
