"""The window-length check: windows cut from made-up traces, and their biases."""

import numpy as np
import pytest

from benchmarks.checks.window_length import windows
from search_spaces.sweep_config import Measuring
from tests.make.nvml import FakeCard, FakeClock, FakeNvml, Power, poll
from trainables.energy.meters.nvml import NvmlMeter
from trainables.energy.trace import Trace


def test_windows_hold_whole_passes_and_last_at_least_as_long_as_asked():
    ends = np.arange(0, 2.01, 0.25)
    assert windows.window_from(ends, 0, 0.6) == (0.0, 0.75, 3)
    assert windows.window_from(ends, 1, 0.5) == (0.25, 0.75, 2)
    assert windows.window_from(ends, 0, 2.1) is None
    starts = [w[0] for w in windows.spaced_windows(ends, 0.5, stride_s=0.4)]
    assert starts == [0.0, 0.5, 1.0, 1.5]
    assert len(windows.spaced_windows(ends, 0.5, stride_s=0.0)) == 7


def test_the_needed_length_is_where_no_longer_window_fails():
    bias = {0.2: 0.004, 0.5: 0.02, 1.0: 0.009, 2.0: 0.001}
    assert windows.needed_length(bias, 0.01) == 1.0
    assert windows.needed_length(bias | {2.0: 0.5}, 0.01) is None
    assert windows.needed_length({1.0: float("nan")}, 0.01) is None


def test_biases_are_relative_to_the_reference():
    bias = windows.biases(np.array([9.0, 10.0, 12.0]), 10.0)
    assert bias["median"] == pytest.approx(0.0)
    assert bias["p95_abs"] == pytest.approx(0.19)  # of 0, 0.1, 0.2


def test_averaged_power_halves_a_cold_window_of_one_second_and_the_counter_does_not():
    # Idle at 1 W until 12.03 s (a tick), then 200 W at once. The trailing average takes 1 s to follow.
    start = 12.03
    card = FakeCard(power=Power((0.0, 1.0), (start, 1.0), (start, 200.0)), read_s=0.0)
    clock = FakeClock()
    nvml = FakeNvml(card, clock=clock)
    meter = NvmlMeter(card.uuid, nvml=nvml, clock=clock, sleep=clock.sleep)
    clock.now = start - 2
    trace = Trace.from_samples(poll(meter, clock, 12.0), "nvml_counter", 0.1)
    at = np.arange(start - 2, start + 10, 0.01)
    watts = 200 * np.clip(at - start, 0, 1)
    rows = np.full((len(at), 7), np.nan)
    rows[:, 0], rows[:, 1], rows[:, 3], rows[:, 6] = at, 0.0, watts, 0
    averaged = Trace.from_rows(rows, "nvml_power", 0.1)
    ends = start + 0.013 * np.arange(693)

    result = windows.analyse(trace, averaged, [ends], 100, (0.5, 1.0, 2.0), 2.0, Measuring())
    assert result["reference_j_per_example"] == pytest.approx(200 * 0.013 / 100, rel=3e-3)
    assert result["mean_power_w"] == pytest.approx(200, rel=3e-3)
    bias = {(p["phase"], p["length_s"]): p["bias"] for p in result["points"]}
    counter, _, power = windows.METHODS
    for length_s, expected in ((0.5, -0.75), (1.0, -0.5), (2.0, -0.25)):
        assert bias["cold", length_s][power]["median"] == pytest.approx(expected, abs=0.015)
        assert bias["cold", length_s][counter]["median"] == pytest.approx(0, abs=0.02)
        assert bias["warm", length_s][counter]["p95_abs"] < 0.010 / length_s  # polled every 10 ms
        assert bias["warm", length_s][power]["p95_abs"] < 0.005
    flags = {p["length_s"]: (p["flagged"], p["windows"]) for p in result["points"] if p["phase"] == "warm"}
    assert flags[0.5][0] == flags[0.5][1] > 0
    assert flags[1.0][0] == flags[2.0][0] == 0
    assert result["needed_s"] == 1.0
    assert result["cost_s"] == pytest.approx(2 + 1 + 0.26)
    assert result["settled_after_s"] == pytest.approx(0, abs=0.3)


def test_the_counter_as_read_is_a_tick_stale():
    rows = [(t / 100, 0, 5.0 * (t // 10), 50, np.nan, np.nan, 0) for t in range(101)]
    trace = Trace.from_rows(rows, "nvml_counter", 0.1)
    assert windows.as_read(trace, np.array([[0.195, 0.305]])).tolist() == [10.0]  # 5.5 J were used
    assert windows.as_read(trace, np.array([[0.205, 0.295]])).tolist() == [0.0]
