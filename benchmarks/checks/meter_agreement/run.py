"""Windows of one load by every meter there is."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pynvml

from benchmarks.checks.meter_agreement import Arguments
from benchmarks.checks.meter_agreement.second_process import SecondProcess, reader_energy
from benchmarks.lib.bars import Bar
from benchmarks.lib.loads import Load
from benchmarks.lib.output import table
from benchmarks.lib.readings import read_cost, read_summary
from benchmarks.lib.shapes import GPU_BOUND, on_gpu, shape_for
from trainables.energy.counter import counter_energy
from trainables.energy.meter import Meter
from trainables.energy.power import power_energy
from trainables.energy.sampler import Sampler
from trainables.energy.trace import Trace
from trainables.worker import Worker

WARMUP_S, SMOKE_WARMUP_S = 2.0, 0.1


def run(bench: Worker, arguments: Arguments) -> tuple[dict[str, Any], list[Bar]]:
    """Windows of one load by every meter there is; a bar for each of the others against ours."""
    zeus, why_not = open_zeus(arguments.zeus_path, bench)
    print(f"zeus: {why_not or 'in use'}")
    load = Load(bench, shape_for(bench, GPU_BOUND))
    marks = []
    with Sampler(bench.meter) as sampler, SecondProcess(bench.meter) as second, Steady(load.run_pass) as steady:
        time.sleep(SMOKE_WARMUP_S if arguments.smoke else WARMUP_S)
        for number in range(arguments.agreement_windows):
            marks.append(_window(bench.meter, zeus, f"window{number}", arguments.agreement_window_s))
        time.sleep(3 * bench.meter.tick_s)
        sampler.cover(time.perf_counter())
        steady.check()
        trace, readings = sampler.trace(), second.readings()

    windows = [_compare(mark, trace, readings) for mark in marks]
    _print_windows(windows)
    if zeus is not None:
        stale = max(w["zeus_stale_bound_j"] / w["ours_j"] for w in windows)
        print(f"zeus's edges may account for {100 * stale:.3f} % at most")
    print(f"the counter answered us in {read_cost(trace.read_s)}, the second process in {read_cost(readings[:, 1])}")
    bars = [
        _bar("second process vs ours, relative", windows, "process_difference", arguments.second_meter_bar),
        _bar("integrated power vs counter, relative", windows, "power_difference", arguments.power_bar),
    ]
    if zeus is not None:
        bars.insert(0, _bar("zeus vs ours, relative", windows, "zeus_difference", arguments.second_meter_bar))
    found = {
        "configuration": str(load.shape),
        "zeus": why_not or f"zeus {sys.modules['zeus'].__version__}",
        "windows": windows,
        "read_ms": {"sampler": read_summary(trace.read_s), "second_process": read_summary(readings[:, 1])},
    }
    return found, bars


def _compare(mark: "Mark", trace: Trace, readings: np.ndarray) -> dict[str, Any]:
    """One window by every meter (J), and how far the others are from ours (relative)."""
    seconds = mark.end_s - mark.start_s
    edges = np.array([[mark.start_s, mark.end_s]])
    ours, edge_error = (float(part[0]) for part in counter_energy(trace, edges))
    power = float(power_energy(trace, edges)[0][0])
    process = reader_energy(readings, mark.start_s, mark.end_s)
    watts = ours / seconds
    zeus = mark.zeus_j
    return {
        "window_s": seconds,
        "mean_power_w": watts,
        "ours_j": ours,
        "ours_edge_error_j": edge_error,
        "power_j": power,
        "process_j": process,
        "zeus_j": zeus,
        "zeus_stale_bound_j": None if zeus is None else mark.stale_s * watts,
        "process_difference": process / ours - 1,
        "zeus_difference": None if zeus is None else zeus / ours - 1,
        "power_difference": power / ours - 1,
    }


def _print_windows(windows: Sequence[dict[str, Any]]) -> None:
    joules = ("ours_j", "ours_edge_error_j", "process_j", "zeus_j", "power_j")
    differences = ("process_difference", "zeus_difference", "power_difference")
    print(
        table(
            ("window", "s", "W", "ours J", "+-", "process J", "zeus J", "power J", "process %", "zeus %", "power %"),
            [
                (
                    str(number),
                    w["window_s"],
                    w["mean_power_w"],
                    *(None if w[k] is None else f"{w[k]:.2f}" for k in joules),
                    *(None if w[k] is None else f"{100 * w[k]:+.3f}" for k in differences),
                )
                for number, w in enumerate(windows)
            ],
        )
    )


def _bar(name: str, windows: Sequence[dict[str, Any]], key: str, limit: float) -> Bar:
    return Bar(name, worst(np.array([w[key] for w in windows], float)), limit)


def worst(differences: np.ndarray) -> float:
    """The largest absolute difference; NaN if any is."""
    return float(np.max(np.abs(differences)))


# ---- one window -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mark:
    """A window as it was opened and closed, by the clock of `time.perf_counter`."""

    start_s: float
    end_s: float
    stale_s: float  # age of the counter's reading at one edge, at most; the difference is one's minus the other's
    zeus_j: float | None


def _window(meter: Meter, zeus: Any, key: str, seconds: float) -> Mark:
    """Open and close a window right after ticks, by zeus where there is one."""
    zeus_j: float | None = None
    old_s = wait_for_tick(meter)
    begin = time.perf_counter()
    if zeus is not None:
        zeus.begin_window(key, sync_execution=False)  # the load never pauses: there is nothing to wait for
    after = time.perf_counter()
    start_s, stale_s = (begin + after) / 2, after - old_s
    time.sleep(max(0.0, seconds - (time.perf_counter() - start_s)))
    old_s = wait_for_tick(meter)
    begin = time.perf_counter()
    if zeus is not None:
        zeus_j = float(zeus.end_window(key, sync_execution=False).total_energy)
    after = time.perf_counter()
    return Mark(start_s, (begin + after) / 2, max(stale_s, after - old_s), zeus_j)


def wait_for_tick(meter: Meter, timeout_s: float = 5.0) -> float:
    """Return as soon as the counter shows a new value; when the last read that showed the old one began (s)."""
    limit = time.perf_counter() + timeout_s
    sample = meter.read()
    while time.perf_counter() < limit:
        time.sleep(0.001)
        last, sample = sample, meter.read()
        if sample.energy_j != last.energy_j:
            return last.time_s - last.read_s / 2
    raise RuntimeError(f"the energy counter did not tick in {timeout_s:g} s")


class Steady:
    """Runs passes in a thread, without a pause, while the context is open."""

    def __init__(self, run_pass: Callable[[], None]) -> None:
        self._run_pass = run_pass
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._run_pass()
        except BaseException as error:
            self._error = error

    def check(self) -> None:
        if self._error is not None:
            raise RuntimeError("the load failed") from self._error

    def __enter__(self) -> "Steady":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def open_zeus(path: str | None, bench: Worker) -> tuple[Any, str | None]:
    """A ZeusMonitor of this very card, or None and why not."""
    if not on_gpu(bench):
        return None, "not used: no GPU"
    if path:
        sys.path.append(path)
    try:
        monitor = import_module("zeus.monitor").ZeusMonitor(gpu_indices=[0], cpu_indices=[])
        uuid = pynvml.nvmlDeviceGetUUID(monitor.gpus.gpus[0].handle)
    except Exception as error:  # a missing dependency, CUDA_VISIBLE_DEVICES as UUIDs, ...
        return None, f"not used: {type(error).__name__}: {error}"
    if uuid != bench.meter.device.uuid:
        return None, f"not used: its card 0 is {uuid}, ours {bench.meter.device.uuid}"
    return monitor, None
