"""Does the energy counter, as we read it, agree with a second meter and with integrated power?

    python -m benchmarks.meter_agreement --model DIR --data-dir DIR --zeus-path zeus-0.16.0-py3-none-any.whl

A GPU-bound load runs without a pause in a thread. Windows of it (10 s) are measured three or four times at once:

- ours: the sampler's trace, the counter interpolated between its ticks (`energy/trace.py`);
- power: the same trace's instantaneous power, integrated;
- process: a second process that reads the counter with its own code, poll and arithmetic (below). Both stamp
  readings with CLOCK_MONOTONIC, which all processes of a machine share (`time.perf_counter` on Linux);
- zeus (if it can be imported): ZeusMonitor.begin_window and end_window (zeus/monitor/energy.py of 0.16.0) each read
  `nvmlDeviceGetTotalEnergyConsumption` once and subtract. Such a reading is as old as the last tick, up to 100 ms at
  each end: up to 1 % of a 10 s window, the whole bar. So each end is put right after a tick, and what is left of
  its age (measured, some 10 ms) bounds the difference that is zeus's edges and not the meters'.

Bars: second meter within 1 % of ours, every window; counter and integrated power within 3 %.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from tuner.cli import run_command

if TYPE_CHECKING:
    from trainables.energy.meter import Meter
    from trainables.worker import Bench

NAME = "meter_agreement"
READER_POLL_S = 0.02
WARMUP_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--agreement-windows", type=int, default=2, help="windows")
    parser.add_argument("--agreement-window-s", type=float, default=10.0, help="seconds of a window")
    parser.add_argument("--zeus-path", help="folder or wheel to import zeus from (added last to sys.path)")
    parser.add_argument("--second-meter-bar", type=float, default=0.01, help="largest relative difference")
    parser.add_argument("--power-bar", type=float, default=0.03, help="largest relative difference")


def run(bench: "Bench", arguments: argparse.Namespace) -> tuple[dict[str, Any], list[Any]]:
    from benchmarks.common import GPU_BOUND, Bar, Load, shape_for, table
    from trainables.energy.counter import counter_energy
    from trainables.energy.power import power_energy
    from trainables.energy.sampler import Sampler

    zeus, why_not = open_zeus(arguments.zeus_path, bench)
    print(f"zeus: {why_not or 'in use'}")
    load = Load(bench, shape_for(bench, GPU_BOUND))
    marks = []
    with Sampler(bench.meter) as sampler, SecondProcess(bench.meter) as second, Steady(load.run_pass) as steady:
        time.sleep(0.1 if arguments.smoke else WARMUP_S)
        for number in range(arguments.agreement_windows):
            marks.append(_window(bench.meter, zeus, f"window{number}", arguments.agreement_window_s))
        time.sleep(3 * bench.meter.tick_s)
        sampler.cover(time.perf_counter())
        steady.check()
        trace, readings = sampler.trace(), second.readings()

    edges = np.array([(m["start_s"], m["end_s"]) for m in marks])
    ours, edge_error = counter_energy(trace, edges)
    power, _ = power_energy(trace, edges)
    process = np.array([reader_energy(readings, start, end) for start, end in edges])
    zeus_j = np.array([m["zeus_j"] for m in marks], float)
    watts = ours / np.diff(edges)[:, 0]
    stale_j = np.array([m["stale_s"] for m in marks]) * watts
    rows = [
        {
            "window_s": m["end_s"] - m["start_s"],
            "mean_power_w": w,
            "ours_j": o,
            "ours_edge_error_j": e,
            "power_j": p,
            "process_j": s,
            "zeus_j": None if zeus is None else z,
            "zeus_stale_bound_j": None if zeus is None else b,
            "process_difference": s / o - 1,
            "zeus_difference": None if zeus is None else z / o - 1,
            "power_difference": p / o - 1,
        }
        for m, w, o, e, p, s, z, b in zip(marks, watts, ours, edge_error, power, process, zeus_j, stale_j, strict=True)
    ]
    header = ("window", "s", "W", "ours J", "+-", "process J", "zeus J", "power J", "process %", "zeus %", "power %")
    print(
        table(
            header,
            [
                (
                    str(i),
                    r["window_s"],
                    r["mean_power_w"],
                    f"{r['ours_j']:.2f}",
                    f"{r['ours_edge_error_j']:.2f}",
                    f"{r['process_j']:.2f}",
                    None if r["zeus_j"] is None else f"{r['zeus_j']:.2f}",
                    f"{r['power_j']:.2f}",
                    f"{100 * r['process_difference']:+.3f}",
                    None if r["zeus_difference"] is None else f"{100 * r['zeus_difference']:+.3f}",
                    f"{100 * r['power_difference']:+.3f}",
                )
                for i, r in enumerate(rows)
            ],
        )
    )
    if zeus is not None:
        print(f"zeus's edges may account for {100 * float(np.max(stale_j / ours)):.3f} % at most")
    print(f"the counter answered us in {read_cost(trace.read_s)}, the second process in {read_cost(readings[:, 1])}")
    bars = [
        Bar("second process vs ours, relative", worst(process / ours - 1), arguments.second_meter_bar),
        Bar("integrated power vs counter, relative", worst(power / ours - 1), arguments.power_bar),
    ]
    if zeus is not None:
        bars.insert(0, Bar("zeus vs ours, relative", worst(zeus_j / ours - 1), arguments.second_meter_bar))
    payload = {
        "configuration": str(load.shape),
        "zeus": why_not or f"zeus {sys.modules['zeus'].__version__}",
        "windows": rows,
        "read_ms": {"sampler": read_summary(trace.read_s), "second_process": read_summary(readings[:, 1])},
    }
    return payload, bars


def worst(differences: np.ndarray) -> float:
    """The largest absolute difference; NaN if any is."""
    return float(np.max(np.abs(differences)))


def read_summary(read_s: np.ndarray) -> dict[str, float]:
    """Median and 99th percentile of the time of a read, in ms."""
    milliseconds = 1e3 * np.asarray(read_s, float)
    return {"median": float(np.median(milliseconds)), "p99": float(np.percentile(milliseconds, 99))}


def read_cost(read_s: np.ndarray) -> str:
    cost = read_summary(read_s)
    return f"{cost['median']:.2f} ms (p99 {cost['p99']:.2f})"


# ---- one window -------------------------------------------------------------------------------------------


def _window(meter: "Meter", zeus: Any, key: str, seconds: float) -> dict[str, float | None]:
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
    return {
        "start_s": start_s,
        "end_s": (begin + after) / 2,
        "stale_s": max(stale_s, after - old_s),  # of one edge; the difference is one's age minus the other's
        "zeus_j": zeus_j,
    }


def wait_for_tick(meter: "Meter", timeout_s: float = 5.0) -> float:
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


def open_zeus(path: str | None, bench: "Bench") -> tuple[Any, str | None]:
    """A ZeusMonitor of this very card, or None and why not."""
    if bench.device.type != "cuda":
        return None, "not used: no GPU"
    if path:
        sys.path.append(path)
    try:
        import pynvml
        from zeus.monitor import ZeusMonitor

        monitor = ZeusMonitor(gpu_indices=[0], cpu_indices=[])
        uuid = pynvml.nvmlDeviceGetUUID(monitor.gpus.gpus[0].handle)
    except Exception as error:  # a missing dependency, CUDA_VISIBLE_DEVICES as UUIDs, ...
        return None, f"not used: {type(error).__name__}: {error}"
    if uuid != bench.meter.device.uuid:
        return None, f"not used: its card 0 is {uuid}, ours {bench.meter.device.uuid}"
    return monitor, None


# ---- the second process: independent on purpose, shares no code with trainables.energy ---------------------


def reader_energy(readings: np.ndarray, start_s: float, end_s: float) -> float:
    """J between two times from rows (time_s, read_s, energy_j): straight lines between first sights of values.

    A value's time is the middle between the last reading that showed the old one and the first with the new.
    """
    new = np.flatnonzero(np.diff(readings[:, 2]) != 0) + 1
    if len(new) < 2:
        return float("nan")
    at = (readings[new - 1, 0] + readings[new, 0]) / 2
    inside = at[0] <= start_s and end_s <= at[-1]
    first, last = np.interp([start_s, end_s], at, readings[new, 2])
    return float(last - first) if inside else float("nan")


class SecondProcess:
    """Runs `read_counter` in a process of its own while the context is open."""

    def __init__(self, meter: "Meter") -> None:
        self._meter = meter

    def __enter__(self) -> "SecondProcess":
        import subprocess
        import tempfile

        self._file: IO[str] = tempfile.NamedTemporaryFile("r", suffix=".csv")
        watts = getattr(self._meter, "watts", None)  # smoke mode
        target = str(self._meter.device.uuid) if watts is None else f"watts:{watts}"
        command = [sys.executable, "-m", "benchmarks.meter_agreement", "--read-counter", target, self._file.name]
        root = Path(__file__).resolve().parent.parent
        self._process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE)
        limit = time.perf_counter() + 30
        while not self._file.readline():
            if self._process.poll() is not None or time.perf_counter() > limit:
                raise RuntimeError("the second process gave no reading")
            time.sleep(0.02)
        return self

    def readings(self) -> np.ndarray:
        """Rows (time_s, read_s, energy_j) so far."""
        self._file.seek(0)
        lines = self._file.read().split("\n")[:-1]  # the last may be half written
        return np.array([[float(v) for v in line.split(",")] for line in lines])

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # the reader ends with its parent
        try:
            self._process.wait(timeout=5)
        except Exception:
            self._process.kill()
        self._file.close()


def read_counter(target: str, file: str) -> int:
    """Write `time_s,read_s,energy_j` lines until stdin closes."""
    if target.startswith("watts:"):
        from benchmarks.common import ticking_j

        watts = float(target.removeprefix("watts:"))

        def energy_j() -> float:
            return ticking_j(watts, time.clock_gettime(time.CLOCK_MONOTONIC))
    else:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(target)

        def energy_j() -> float:
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3

    done = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
    with open(file, "w", buffering=1) as out:
        while not done.wait(READER_POLL_S):
            begin = time.clock_gettime(time.CLOCK_MONOTONIC)
            value = energy_j()
            end = time.clock_gettime(time.CLOCK_MONOTONIC)
            out.write(f"{(begin + end) / 2!r},{end - begin!r},{value!r}\n")
    return 0


def main(argv: Sequence[str]) -> int:
    if argv and argv[0] == "--read-counter":
        return read_counter(*argv[1:3])
    from benchmarks import common

    return common.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
