"""Cold starts and a long load are recorded, then cut into windows."""

import base64
import time
from typing import Any

import numpy as np
import pynvml

from benchmarks.checks.window_length import Arguments
from benchmarks.checks.window_length.windows import METHODS, SETTLED, analyse
from benchmarks.lib.bars import Bar
from benchmarks.lib.loads import Load
from benchmarks.lib.output import table
from benchmarks.lib.shapes import LAUNCH_BOUND, Shape, graph_backend, shape_for
from search_spaces.sweep_config import Measuring
from trainables.energy.meter import Meter, Sample
from trainables.energy.sampler import Sampler
from trainables.worker import Worker


def run(bench: Worker, arguments: Arguments) -> tuple[dict[str, Any], list[Bar]]:
    """Windows of each backend; the bars are those of the first, and that every flag is right."""
    backends = arguments.window_backends or (graph_backend(bench),)
    results = [_backend(bench, shape_for(bench, LAUNCH_BOUND, b), arguments) for b in backends]
    for result in results:
        _print_result(result)
    # A trial's number is that of its windows joined, so the bar is on their total length.
    total_s = Measuring().min_total_s
    warm = [p for p in results[0]["points"] if p["phase"] == "warm" and p["length_s"] <= total_s]
    longest = max(warm, key=lambda p: p["length_s"], default=None)
    wrong = sum(
        p["windows"] - p["flagged"] if p["length_s"] < 1 else p["flagged"] for r in results for p in r["points"]
    )
    bars = [
        Bar(
            f"|bias| of {longest['length_s'] if longest else total_s:g} s of warm load by the counter",
            longest["bias"][METHODS[0]]["p95_abs"] if longest else None,
            arguments.window_bar,
        ),
        Bar("windows whose short_window flag is wrong", float(wrong), 0),
    ]
    return {"backends": results}, bars


def _print_result(result: dict[str, Any]) -> None:
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
                for p in result["points"]
            ],
        )
    )
    print(
        f"after a cold start, windows of 1 s stay within {100 * SETTLED:g} % of the final value from "
        f"{_seconds(result['settled_after_s'])} on"
    )
    print(
        f"shortest warm window with 95 % of biases within 1 %: {_seconds(result['needed_s'])}; with the default "
        f"warm-up and the tail a 1 % number costs {_seconds(result['cost_s'])} of load; a default trial "
        f"({result['default_trial_s']:.1f} s) has a half-width of {_percent(result['default_half_width'])}"
    )


def _seconds(value: float | None) -> str:
    return "none of those tried" if value is None else f"{value:.2g} s"


def _percent(value: float | None) -> str:
    return "unknown: the load was too short" if value is None else f"{100 * value:.2f} %"


def _spread(bias: dict[str, float]) -> str:
    return f"{100 * bias['median']:+.2f} ({100 * bias['p5']:+.2f} to {100 * bias['p95']:+.2f})"


class AveragedPower(Meter):
    """A meter of `nvmlDeviceGetPowerUsage` alone (a trailing 1 s average on Ada and Hopper; nvml.h)."""

    source = "nvml_power"
    tick_s = 0.1
    poll_s = 0.02

    def __init__(self, bench: Worker) -> None:
        self.device = bench.meter.device
        self._watts = getattr(bench.meter, "watts", None)  # smoke mode
        if self._watts is None:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(str(self.device.uuid))

    def read(self) -> Sample:
        begin = time.perf_counter()
        watts = self._watts or pynvml.nvmlDeviceGetPowerUsage(self._handle) / 1e3
        end = time.perf_counter()
        return Sample((begin + end) / 2, end - begin, power_w=float(watts))


def _backend(bench: Worker, shape: Shape, arguments: Arguments) -> dict[str, Any]:
    """Record one backend's cold starts and its long load, and cut the windows."""
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
