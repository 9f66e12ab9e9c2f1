"""Energies that cannot be are invalid: impossible counters, power above the limit, windows of a stopped process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.make.nvml import FakeCard, FakeClock, FakeNvml, Power
from tests.make.traces import record
from trainables.energy.child import is_stopped
from trainables.energy.meter import LOAD_STOPPED
from trainables.energy.meters.nvml import NvmlMeter
from trainables.energy.trace import Trace
from trainables.energy.windows import window_energies
from trainables.rows.flags import FLAGS, IMPLAUSIBLE

EDGES = [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]
CONTRADICTION, LIMIT, STRETCHED = "counter_implausible", "above_power_limit", "stretched_window"


def ticking(watts: float = 65.4, counted: float = 1.0, limit_w: float | None = 700.0, seconds: float = 12.0) -> Trace:
    """A counter of 100 ms ticks that counts a share of the power shown beside it, read every 10 ms."""
    t = np.arange(0, seconds, 0.01)
    ticked = np.floor(t / 0.1) * 0.1
    columns = (t, 0.001, 1e6 + counted * watts * ticked, watts, 50.0, 1500.0, 0.0)
    rows = np.stack([np.broadcast_to(np.asarray(c, float), t.shape) for c in columns], axis=1)
    return Trace.from_rows(rows, "nvml_counter", 0.1, limit_w)


def jumping(at_s: float, by_j: float, limit_w: float | None = 700.0) -> Trace:
    """A counter that jumps once; power stays."""
    trace = ticking(limit_w=limit_w)
    return replace(trace, energy_j=trace.energy_j + np.where(trace.time_s > at_s, by_j, 0.0))


def flags(trace: Trace, edges: list[float] = EDGES) -> set[str]:
    return set(window_energies(trace, edges).flags & IMPLAUSIBLE)


def test_they_are_invalid_and_have_their_rules() -> None:
    assert all(FLAGS[name].invalid for name in IMPLAUSIBLE)


# ---- the counter against the power beside it -------------------------------------------------------------


def test_what_counts_right_has_no_flag() -> None:
    assert window_energies(ticking(), EDGES).flags == frozenset()


@pytest.mark.parametrize("counted", [0.57, 0.01, 0.8, 1.2, 2.0, 1000.0])
def test_a_counter_that_counts_a_share_or_a_multiple_of_the_power(counted: float) -> None:
    assert CONTRADICTION in flags(ticking(counted=counted))


@pytest.mark.parametrize("counted", [0.88, 0.95, 1.05, 1.12])
def test_what_a_sensor_may_be_off_is_a_caveat(counted: float) -> None:
    found = window_energies(ticking(counted=counted), EDGES).flags
    assert not found & IMPLAUSIBLE
    assert "counter_power_mismatch" in found


def test_one_window_of_many_is_enough() -> None:
    """60 J in one of five windows of 131 J: 9 % of all."""
    assert flags(jumping(6.0, 60.0)) == {CONTRADICTION}


@pytest.mark.parametrize("limit_w", [700.0, None])
@pytest.mark.parametrize("at_s", [1.0, 1.05, 2.95, 3.0, 3.04, 6.0, 8.999, 9.05, 10.95, 11.0])
def test_a_jump_of_a_megajoule_wherever_it_falls(at_s: float, limit_w: float | None) -> None:
    """At a window's edge half of it is in the window, and the bound of the edge error as large."""
    found = flags(jumping(at_s, 1e6, limit_w))
    assert CONTRADICTION in found
    assert (LIMIT in found) is (limit_w is not None)


@given(at_s=st.floats(1.0, 11.0), by_j=st.floats(-1e7, 1e7).filter(lambda j: abs(j) > 100))
def test_no_jump_gives_a_wrong_number_without_an_invalid_flag(at_s: float, by_j: float) -> None:
    result = window_energies(jumping(at_s, by_j), EDGES)
    right = 65.4 * 10
    invalid = any(FLAGS[name].invalid for name in result.flags)
    assert invalid or result.total_energy_j is None or abs(result.total_energy_j / right - 1) <= 0.15


def test_a_counter_alone_has_nothing_to_contradict_it() -> None:
    trace = ticking(counted=0.57)
    assert flags(replace(trace, power_w=np.full(len(trace), np.nan))) == set()


# ---- the limit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("watts", "flagged"), [(700.0, False), (765.0, False), (775.0, True), (65_400.0, True)])
@pytest.mark.parametrize("source", ["nvml_counter", "nvml_power"])
def test_no_card_draws_more_than_its_limit_for_a_window(watts: float, flagged: bool, source: str) -> None:
    trace = replace(ticking(watts), source=source)
    assert flags(trace) == ({LIMIT} if flagged else set())
    assert flags(replace(trace, power_limit_w=None)) == set()


def test_an_assumed_power_knows_no_limit() -> None:
    assert flags(replace(ticking(900.0), source="estimate")) == set()


def test_the_limit_is_the_meters_and_travels_with_the_trace() -> None:
    trace = replace(record(FakeCard(), 3), power_limit_w=650.0)
    assert Trace.from_parquet_bytes(trace.to_parquet_bytes()).power_limit_w == 650.0
    old = replace(trace, power_limit_w=None)  # traces of earlier versions have none
    assert Trace.from_parquet_bytes(old.to_parquet_bytes()).power_limit_w is None


def test_a_limit_that_is_raised_while_a_run_goes_on_counts() -> None:
    card, clock = FakeCard(power_limit_mw=300_000), FakeClock()
    meter = NvmlMeter(card.uuid, nvml=FakeNvml(card, clock=clock), clock=clock, sleep=clock.sleep)
    assert meter.device.details["power_limit_w"] == meter.power_limit_w() == 300.0
    card.power_limit_mw = 700_000
    assert meter.power_limit_w() == 700.0
    card.power_limit_mw = 300_000  # what was measured before may have been at 700 W
    assert meter.power_limit_w() == 700.0
    card.fails_from_s = 0.0
    assert meter.power_limit_w() == 700.0


# ---- a process that stood still --------------------------------------------------------------------------


def without(trace: Trace, start_s: float, end_s: float) -> Trace:
    """The trace of a sampler that stood still meanwhile."""
    kept = (trace.time_s <= start_s) | (trace.time_s >= end_s)
    arrays = {k: v[kept] if isinstance(v, np.ndarray) else v for k, v in trace.__dict__.items()}
    return Trace(**arrays)


@pytest.mark.parametrize("source", ["nvml_counter", "nvml_power", "rapl", "estimate"])
@pytest.mark.parametrize(("gap_s", "flagged"), [(0.06, False), (0.2, False), (0.3, True), (0.9, True), (3.0, True)])
def test_readings_that_are_missing_in_a_window(source: str, gap_s: float, flagged: bool) -> None:
    trace = without(replace(ticking(), source=source), 6.0, 6.0 + gap_s)
    assert (STRETCHED in flags(trace)) is flagged


def test_readings_that_are_missing_before_the_windows_do_no_harm() -> None:
    assert flags(without(ticking(), 0.1, 0.8)) == set()


def test_a_sensor_that_is_read_seldom_is_not_a_stopped_process() -> None:
    trace = replace(ticking(seconds=40.0), source="nvml_power")
    seldom = Trace(**{k: v[::50] if isinstance(v, np.ndarray) else v for k, v in trace.__dict__.items()})
    assert flags(seldom, [1.0, 20.0, 35.0]) == set()


@pytest.mark.parametrize(("at_s", "flagged"), [(0.5, False), (6.0, True), (11.5, False)])
def test_a_load_that_was_seen_to_stand_still(at_s: float, flagged: bool) -> None:
    trace = ticking()
    stopped = np.where(np.abs(trace.time_s - at_s) < 0.02, LOAD_STOPPED, 0)
    assert flags(replace(trace, throttle=trace.throttle | stopped)) == ({STRETCHED} if flagged else set())


def test_the_mark_of_a_stopped_load_is_none_of_the_cards_bits_and_is_kept() -> None:
    trace = record(FakeCard(power=Power((0, 400.0)), throttle=lambda t: 0x4), 12)
    stopped = replace(trace, throttle=trace.throttle | LOAD_STOPPED)
    again = Trace.from_parquet_bytes(stopped.to_parquet_bytes())
    assert window_energies(again, EDGES[:-1]).flags == {"power_capped", STRETCHED}


LOAD = """
import sys, time
import numpy as np
from search_spaces.sweep_config import Measuring
from tests.make.meter import ConstantMeter
from trainables.energy.child import ChildReader
from trainables.energy.meters.estimate import EstimateMeter
from trainables.energy.sampler import Sampler
from trainables.window import measure

meter = EstimateMeter(10.0) if sys.argv[1] == "estimate" else ConstantMeter(10.0)
if sys.argv[1] == "child":
    meter.child = ChildReader("tests.make.meter:ten_watts", ())
settings = Measuring(warmup_s=0.1, min_window_s=0.4, min_windows=5, min_total_s=2.0, max_measure_s=2.0)
started = []
def run_pass():
    time.sleep(0.005)
    if not started and time.perf_counter() - begin > 0.6:
        started.append(print("measuring", flush=True))
with Sampler(meter) as sampler:
    begin = time.perf_counter()
    windows = measure(run_pass, lambda: None, sampler, settings)
print(";".join(sorted(windows.energies.flags)), flush=True)
if meter.child is not None:
    meter.child.close()
"""


@pytest.fixture
def load() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.seconds
@pytest.mark.parametrize("sampled", ["estimate", "thread", "child"])
def test_a_load_that_is_stopped_by_a_signal(sampled: str, load: list[subprocess.Popen[str]]) -> None:
    """Alone, not its group: a child that reads the sensor runs on."""
    root = Path(__file__).resolve().parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD, sampled],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    load.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "measuring\n"
    assert not is_stopped(process.pid)
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.8)
    assert is_stopped(process.pid)
    process.send_signal(signal.SIGCONT)
    assert STRETCHED in process.stdout.readline().strip().split(";")


def test_a_process_that_is_gone_is_not_stopped() -> None:
    assert not is_stopped(2**22 + 1)
    assert not is_stopped(os.getpid())
