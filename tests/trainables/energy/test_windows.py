"""What a trace says of its windows: numbers, missing ones with a reason, and every flag."""

import numpy as np
import pytest

from search_spaces.errors import UsageError
from tests.make.nvml import FakeCard, Power
from tests.make.traces import record
from trainables.energy.meter import Sample
from trainables.energy.trace import Trace
from trainables.energy.windows import mismatch_threshold, window_energies


def test_an_empty_trace_says_nothing() -> None:
    result = window_energies(Trace.from_rows([], "nvml_counter", 0.1), [0.0, 1.0])
    assert np.isnan(result.energy_j).all()
    assert result.total_energy_j is None
    assert result.reason == "the trace has no counter readings"


def test_edges_outside_the_ticks_are_missing_with_a_reason() -> None:
    trace = record(FakeCard(), 3)
    start, end = trace.time_s[0], trace.time_s[-1]
    for edges in ([start, start + 1.5], [start + 1, end]):
        result = window_energies(trace, edges)
        assert np.isnan(result.energy_j).all()
        assert result.reason == "a window's edge lies before the first or after the last tick of the counter"


def test_a_stuck_counter_is_detected_not_reported_as_zero() -> None:
    trace = record(FakeCard(power=Power((0, 250.0)), stuck_from_s=3.0), 6)
    result = window_energies(trace, [1.0, 2.5, 5.0])
    assert result.energy_j[0] == pytest.approx(375.0, abs=5)
    assert np.isnan(result.energy_j[1])
    assert result.reason is not None
    assert "stuck" in result.reason
    assert "250 W" in result.reason
    assert result.power_energy_j[1] == pytest.approx(625.0)


def test_a_reset_invalidates_the_windows_it_touches_and_sets_the_flag() -> None:
    card = FakeCard(power=Power((0, 200.0)), reset_at_s=4.0)
    trace = record(card, 8)
    result = window_energies(trace, [1.0, 2.5, 5.0, 6.5])
    assert result.flags == {"counter_reset"}
    assert result.energy_j[0] == pytest.approx(300.0, abs=3)
    assert np.isnan(result.energy_j[1])
    assert result.energy_j[2] == pytest.approx(300.0, abs=3)
    assert result.total_energy_j is None
    assert result.reason == "the energy counter went backwards"
    before = window_energies(trace, [1.0, 3.0])
    assert before.flags == frozenset()


def test_a_clean_trial_has_no_flags_and_all_numbers() -> None:
    trace = record(FakeCard(power=Power((0, 400.0))), 12)
    result = window_energies(trace, trace.time_s[0] + np.arange(0.5, 11, 2))
    assert result.flags == frozenset()
    assert result.reason is None
    assert result.source == "nvml_counter"
    np.testing.assert_allclose(result.energy_j, 800.0, atol=0.01)
    np.testing.assert_allclose(result.power_energy_j, 800.0)
    assert result.total_energy_j == pytest.approx(4000.0, abs=0.01)
    # Inner edges of contiguous windows cancel: the total is as uncertain as one window.
    assert result.total_edge_error_j == pytest.approx(result.edge_error_j[0], rel=0.1)
    assert result.counter_power_residual == pytest.approx(0.0, abs=1e-5)
    assert (result.temperature_start_c, result.temperature_end_c, result.sm_clock_mhz) == (50, 50, 1980)


def test_windows_apart_add_up() -> None:
    trace = record(FakeCard(power=Power((0, 400.0))), 12)
    start = trace.time_s[0]
    result = window_energies(trace, [[start + 1, start + 3], [start + 5, start + 7]])
    assert result.total_energy_j == pytest.approx(1600.0, abs=0.01)
    assert result.total_edge_error_j == pytest.approx(float(result.edge_error_j.sum()))


@pytest.mark.parametrize(
    ("bits", "flags"),
    [
        (0x0, set()),
        (0x1, set()),  # idle
        (0x4, {"power_capped"}),
        (0x20, {"thermal_throttled"}),
        (0x40, {"thermal_throttled", "hw_slowdown"}),
        (0x8, {"hw_slowdown"}),
        (0x80, {"hw_slowdown"}),
    ],
)
def test_clock_event_bits_within_the_windows_set_flags(bits: int, flags: set[str]) -> None:
    card = FakeCard(throttle=lambda t: bits if 3 < t < 5 else 0)
    trace = record(card, 10)
    assert window_energies(trace, [2.0, 6.0]).flags == flags
    assert window_energies(trace, [6.0, 9.0]).flags == set()


def test_temperature_drift_above_five_degrees() -> None:
    card = FakeCard(temperature_c=lambda t: round(50 + t))
    trace = record(card, 12)
    drifted = window_energies(trace, [2.0, 10.0])
    assert drifted.flags == {"temperature_drift"}
    assert (drifted.temperature_start_c, drifted.temperature_end_c) == (52, 60)
    assert window_energies(trace, [2.0, 6.0]).flags == set()


@pytest.mark.parametrize(("length", "flagged"), [(0.9, True), (1.0, False), (2.0, False)])
def test_windows_shorter_than_a_second_are_flagged(length: float, flagged: bool) -> None:
    trace = record(FakeCard(), 4)
    assert ("short_window" in window_energies(trace, [1.0, 1.0 + length]).flags) is flagged


def test_windows_with_fewer_than_ten_updates_are_flagged() -> None:
    trace = record(FakeCard(tick_s=0.25), 8)
    assert "short_window" in window_energies(trace, [2.0, 4.0]).flags  # 8 updates
    assert "short_window" not in window_energies(trace, [2.0, 5.0]).flags  # 12


def test_the_mismatch_threshold_grows_for_short_windows() -> None:
    assert mismatch_threshold(100.0) == 0.03
    assert mismatch_threshold(10.0) == 0.03
    assert mismatch_threshold(1.0) == pytest.approx(0.0949, abs=1e-4)


@pytest.mark.parametrize(("share", "flagged"), [(0.02, False), (0.04, True), (-0.04, True)])
def test_counter_and_power_that_disagree_are_flagged(share: float, flagged: bool) -> None:
    trace = record(FakeCard(power=Power((0, 500.0))), 13)
    off = Trace(**{**trace.__dict__, "power_w": trace.power_w * (1 - share)})
    start = off.time_s[0] + 1
    result = window_energies(off, [start, start + 11])
    assert result.counter_power_residual == pytest.approx(share, abs=1e-4)
    assert ("counter_power_mismatch" in result.flags) is flagged
    assert "counter_power_mismatch" not in window_energies(off, [start, start + 1]).flags


def test_power_is_the_headline_where_there_is_no_counter() -> None:
    trace = record(FakeCard(power=Power((0, 350.0)), has_counter=False), 5)
    result = window_energies(trace, [1.0, 3.0])
    assert result.source == "nvml_power"
    assert result.energy_j[0] == pytest.approx(700.0)
    assert result.counter_power_residual is None
    assert result.flags == frozenset()
    outside = window_energies(trace, [3.0, 9.0])
    assert outside.reason == "a window's edge lies outside the power readings"


def test_an_estimate_is_flagged_and_may_be_short() -> None:
    trace = Trace.from_samples([Sample(t / 10, 0.0, power_w=24.0) for t in range(11)], "estimate", 0.0)
    result = window_energies(trace, [0.1, 0.3, 0.6])
    np.testing.assert_allclose(result.energy_j, [4.8, 7.2])
    assert result.flags == {"estimated"}
    assert result.total_edge_error_j == 0.0


def test_a_source_that_is_not_known_is_no_energy_by_silence() -> None:
    trace = Trace.from_samples([Sample(t / 10, 0.0, energy_j=float(t)) for t in range(11)], "amd_counter", 0.1)
    with pytest.raises(UsageError, match=r"an energy source must be one of nvml_counter, .*, but got 'amd_counter'"):
        window_energies(trace, [0.1, 0.9])
