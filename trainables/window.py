"""Warm up, then cut a steady load into windows of whole passes.

The load never pauses between warm-up, windows and the tail after them, so the energy at a window's edge can be
interpolated between sensor ticks. The device is synchronised at the edges only; the sampler reads beside.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from search_spaces.sweep_config import Measuring
from trainables.energy.counter import STUCK_S
from trainables.energy.sampler import Sampler
from trainables.energy.windows import WindowEnergies, window_energies
from trainables.rows.interval import relative_half_width

SETTLED = 0.02  # relative change of the pass time between two warm-up chunks
CHUNK_S = 0.25  # a warm-up chunk lasts at least this long
PATIENCE_S = 2.0  # warm-up ends this long after warmup_s even if the pass time has not settled
MARGIN = 1.01  # windows aim this far above min_window_s, so that most need not be prolonged


@dataclass(frozen=True)
class Windows:
    """What was measured. `edges` are n + 1 times of `time.perf_counter`; windows are adjacent."""

    edges: np.ndarray  # s, (n + 1,)
    passes: np.ndarray  # int64, (n,): whole passes in each window
    warmup_s: float
    energies: WindowEnergies
    interval_reached: bool
    host_cpu_s: float  # of all threads of this process, in all windows
    stopped: bool = False  # by `stop`, after the probe: these are not windows to publish

    @property
    def durations_s(self) -> np.ndarray:
        return np.diff(self.edges)


def measure(
    run_pass: Callable[[], None],
    synchronize: Callable[[], None],
    sampler: Sampler,
    settings: Measuring,
    stop: Callable[[Windows], bool] | None = None,
) -> Windows:
    """Run passes for as long as `settings` ask and return the windows with their energies.

    With `stop`, one window (the probe) is cut halfway through the warm-up and shown to it; if it says so,
    nothing more is run and the probe is returned, `stopped`. Otherwise the probe counts as warm-up.

    Raises MeterError when the sensor fails on the way.
    """
    if stop is None:
        first_tick_s = 2.5 * sampler.meter.tick_s + sampler.meter.poll_s  # the first edge lies between ticks, too
        warmup_s, pass_s = _warm_up(run_pass, synchronize, max(settings.warmup_s, first_tick_s))
    else:
        probe = _probe(run_pass, synchronize, sampler, settings)
        if stop(probe):
            return replace(probe, stopped=True)
        spent_s = probe.warmup_s + time.perf_counter() - probe.edges[0]
        pass_s = float(probe.durations_s[0]) / int(probe.passes[0])
        if spent_s < settings.warmup_s:
            rest_s, pass_s = _warm_up(run_pass, synchronize, settings.warmup_s - spent_s)
            spent_s += rest_s
        warmup_s = spent_s
    edges, passes = [time.perf_counter()], []
    begin_s = time.process_time()
    reached = False
    while True:
        done, now = _run_for(run_pass, synchronize, settings.min_window_s, pass_s, edges[-1])
        pass_s = (now - edges[-1]) / done
        edges.append(now)
        passes.append(done)
        total_s = edges[-1] - edges[0]
        if len(passes) < settings.min_windows or total_s < settings.min_total_s:
            continue
        known = window_energies(sampler.trace(), np.array(edges)).energy_j / np.array(passes)
        reached = relative_half_width(known[np.isfinite(known)]) <= settings.target_ci
        if reached or total_s >= settings.max_measure_s:
            break
    host_cpu_s = time.process_time() - begin_s
    _tail(run_pass, synchronize, sampler, edges[-1])
    energies = window_energies(sampler.trace(), np.array(edges))
    return Windows(np.array(edges), np.array(passes), warmup_s, energies, reached, host_cpu_s)


def _probe(
    run_pass: Callable[[], None], synchronize: Callable[[], None], sampler: Sampler, settings: Measuring
) -> Windows:
    """One window after half of the warm-up: good for a bound, too early for a number."""
    warmup_s, pass_s = _warm_up(run_pass, synchronize, settings.warmup_s / 2)
    start, begin_s = time.perf_counter(), time.process_time()
    passes, end = _run_for(run_pass, synchronize, settings.min_window_s, pass_s, start)
    host_cpu_s = time.process_time() - begin_s
    edges = np.array([start, end])
    _tail(run_pass, synchronize, sampler, edges[-1])
    return Windows(edges, np.array([passes]), warmup_s, window_energies(sampler.trace(), edges), False, host_cpu_s)


def _run_for(
    run_pass: Callable[[], None], synchronize: Callable[[], None], seconds: float, pass_s: float, start: float
) -> tuple[int, float]:
    """Whole passes for at least `seconds` since `start`; (passes, end). `pass_s` is what one is expected to take.

    The device is waited for after as many passes as should be enough, and again only where they were not: a loop
    that asked the clock after every pass would either wait each time or run far ahead of the device.
    """
    passes, now = 0, start
    while now - start < seconds:
        more = max(1, ceil((seconds * MARGIN - (now - start)) / pass_s))
        for _ in range(more):
            run_pass()
        synchronize()
        passes += more
        now = time.perf_counter()
        pass_s = (now - start) / passes
    return passes, now


def _tail(run_pass: Callable[[], None], synchronize: Callable[[], None], sampler: Sampler, edge: float) -> None:
    """The last edge lies between two ticks: keep the load up until the second has been seen."""
    while not sampler.covered(edge):
        run_pass()
        synchronize()
        if time.perf_counter() - edge > STUCK_S:
            sampler.cover(edge)  # a sensor this late is waited for without the load


def _warm_up(run_pass: Callable[[], None], synchronize: Callable[[], None], warmup_s: float) -> tuple[float, float]:
    """Load for at least `warmup_s` and until the time of a pass settles; returns (seconds spent, s per pass)."""
    start = time.perf_counter()
    run_pass()  # the first may choose kernels
    synchronize()
    begin = time.perf_counter()
    run_pass()
    synchronize()
    now = time.perf_counter()
    pass_s = now - begin
    while True:
        previous_s, begin = pass_s, now
        passes, now = _run_for(run_pass, synchronize, min(CHUNK_S, warmup_s / 4), pass_s, begin)
        pass_s = (now - begin) / passes
        settled = abs(pass_s / previous_s - 1) <= SETTLED
        spent = now - start
        if spent >= warmup_s and (settled or spent >= warmup_s + min(PATIENCE_S, warmup_s)):
            return spent, pass_s
