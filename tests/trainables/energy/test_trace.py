"""Joules from traces: known answers, bounds that hold for any scripted power, and every flag."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.make.nvml import FakeCard, FakeClock, FakeNvml, Power, poll
from trainables.energy.meter import Sample
from trainables.energy.meters.nvml import NvmlMeter
from trainables.energy.trace import (
    Trace,
    counter_energy,
    counter_ticks,
    mismatch_threshold,
    power_energy,
    window_bounds,
    window_energies,
)

WATTS = st.floats(40.0, 700.0)


def record(card: FakeCard, seconds: float, poll_s: float = 0.01) -> Trace:
    """The trace of a meter on one scripted card; virtual time 0 is when the meter is opened."""
    clock = FakeClock()
    meter = NvmlMeter(card.uuid, nvml=FakeNvml(card, clock=clock), clock=clock, sleep=clock.sleep)
    meter.poll_s = poll_s
    return Trace.from_samples(poll(meter, clock, seconds), meter.source, meter.tick_s)


def make(
    time_s: list[float], *, energy_j: list[float] | None = None, power_w: list[float] | None = None, **kw: float
) -> Trace:
    """A trace of instantaneous reads."""
    n = len(time_s)
    samples = [
        Sample(t, 0.0, e, p) for t, e, p in zip(time_s, energy_j or [None] * n, power_w or [None] * n, strict=True)
    ]
    return Trace.from_samples(samples, "nvml_counter" if energy_j else "nvml_power", kw.get("tick_s", 0.0))


# ---- edges and storage ------------------------------------------------------------------------------------


def test_edges_are_contiguous_or_pairs() -> None:
    assert [a.tolist() for a in window_bounds([1, 2, 4])] == [[1, 2], [2, 4]]
    assert [a.tolist() for a in window_bounds([[1, 2], [3, 4]])] == [[1, 3], [2, 4]]


@pytest.mark.parametrize("edges", [[1.0], [2.0, 1.0], [[1, 3], [2, 4]], [[1, 2, 3]], 5.0])
def test_bad_edges_are_refused(edges: object) -> None:
    with pytest.raises(ValueError, match=r"edges must|windows must"):
        window_bounds(edges)  # type: ignore[arg-type]


def test_parquet_gives_back_the_same_trace_and_energies() -> None:
    trace = record(FakeCard(power=Power((0, 300), (9, 600))), 8)
    data = trace.to_parquet_bytes()
    again = Trace.from_parquet_bytes(data)
    for name in ("time_s", "read_s", "energy_j", "power_w", "temperature_c", "sm_clock_mhz", "throttle"):
        np.testing.assert_array_equal(getattr(again, name), getattr(trace, name))
        assert getattr(again, name).dtype == getattr(trace, name).dtype
    assert (again.source, again.tick_s) == ("nvml_counter", trace.tick_s)
    edges = trace.time_s[0] + np.array([1.0, 3.0, 5.0])
    np.testing.assert_array_equal(counter_energy(again, edges), counter_energy(trace, edges))
    assert len(data) < 20 * len(trace)


def test_a_foreign_parquet_file_is_refused() -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), sink)
    with pytest.raises(ValueError, match="not a trace"):
        Trace.from_parquet_bytes(sink.getvalue())


def test_an_empty_trace_says_nothing() -> None:
    result = window_energies(Trace.from_rows([], "nvml_counter", 0.1), [0.0, 1.0])
    assert np.isnan(result.energy_j).all()
    assert result.total_energy_j is None
    assert result.reason == "the trace has no counter readings"
    assert len(Trace.from_parquet_bytes(Trace.from_rows([], "rapl", 0.001).to_parquet_bytes())) == 0


# ---- the counter ------------------------------------------------------------------------------------------


def test_a_continuous_counter_read_at_once_is_exact() -> None:
    times = [0.0, 1.0, 2.0, 3.0, 4.0]
    trace = make(times, energy_j=[100.0, 110.0, 120.0, 130.0, 140.0])  # 10 W
    energy, bound = counter_energy(trace, [1.0, 2.5, 4.0])
    np.testing.assert_allclose(energy, [15.0, 15.0])
    np.testing.assert_allclose(bound, [0.002, 0.002])  # the resolution of the counter alone


def test_ticks_lie_between_the_last_old_and_the_first_new_reading() -> None:
    trace = make([0.00, 0.05, 0.10, 0.15, 0.20, 0.25], energy_j=[5.0, 5.0, 8.0, 8.0, 11.0, 11.0], tick_s=0.1)
    ticks = counter_ticks(trace)
    assert ticks.energy_j.tolist() == [8.0, 11.0]
    np.testing.assert_allclose(ticks.earliest_s, [0.05, 0.15])
    np.testing.assert_allclose(ticks.latest_s, [0.10, 0.20])


def test_constant_power_gives_its_joules_and_the_bound_is_the_polls() -> None:
    trace = record(FakeCard(power=Power((0, 600.0))), 12)
    edges = trace.time_s[0] + np.array([0.5, 1.5, 11.5])
    energy, bound = counter_energy(trace, edges)
    np.testing.assert_allclose(energy, [600.0, 6000.0], atol=0.01)
    # Each edge: (10 ms between polls + 3 ms read) / 2 at 600 W; two edges.
    np.testing.assert_allclose(bound, 2 * 600 * 0.0065, rtol=0.15)


def test_a_step_in_power_between_ticks_is_within_the_bound() -> None:
    power = Power((0, 100), (4.05, 100), (4.05, 600), (20, 600))
    trace = record(FakeCard(power=power), 8)
    energy, bound = counter_energy(trace, [3.0, 4.05, 5.0])
    exact = np.array([power.energy_j(3.0, 4.05), power.energy_j(4.05, 5.0)])
    assert (np.abs(energy - exact) <= bound).all()
    assert (bound > 2 * 100 * 0.0065).all()  # wider than in steady state


def powers(shortest_s: float) -> st.SearchStrategy[Power]:
    """7 s of pieces no shorter than `shortest_s`, repeated: ramps, or levels with steps between."""

    def build(pieces: list[tuple[float, float]], steps: bool) -> Power:
        t, knots = 0.0, [(0.0, pieces[0][1])]
        while t < 7.0:
            for length, watts in pieces:
                t += length
                knots += [(t, knots[-1][1]), (t, watts)] if steps else [(t, watts)]
        return Power(*knots)

    pieces = st.lists(st.tuples(st.floats(shortest_s, 1.5), WATTS), min_size=1, max_size=12)
    return st.builds(build, pieces, st.booleans())


windows = st.lists(st.floats(0.5, 3.5), min_size=2, max_size=5, unique=True).map(sorted)
polling = st.tuples(st.floats(0.0, 0.1), st.sampled_from([0.004, 0.01, 0.02, 0.035]))


@settings(max_examples=60, deadline=None)
@given(power=powers(shortest_s=0.35), offsets=windows, polls=polling)
def test_counter_energy_is_within_its_bound(power: Power, offsets: list[float], polls: tuple[float, float]) -> None:
    """Power that steps or bends at most once in three ticks: the bound of `counter_energy`."""
    trace = record(FakeCard(power=power, phase_s=polls[0]), 4, poll_s=polls[1])
    edges = trace.time_s[0] + np.array(offsets)
    edges = edges[np.concatenate([[True], np.diff(edges) > 1e-6])]
    if len(edges) < 2:
        return
    energy, bound = counter_energy(trace, edges)
    exact = np.array([power.energy_j(a, b) for a, b in pairwise(edges)])
    assert (np.abs(energy - exact) <= bound).all()


@settings(max_examples=60, deadline=None)
@given(power=powers(shortest_s=0.005), offsets=windows, polls=polling)
def test_the_monotone_bound_holds_for_any_power(power: Power, offsets: list[float], polls: tuple[float, float]) -> None:
    trace = record(FakeCard(power=power, phase_s=polls[0]), 4, poll_s=polls[1])
    edges = trace.time_s[0] + np.array(offsets)
    edges = edges[np.concatenate([[True], np.diff(edges) > 1e-6])]
    if len(edges) < 2:
        return
    energy, bound = counter_energy(trace, edges, smooth=False)
    exact = np.array([power.energy_j(a, b) for a, b in pairwise(edges)])
    assert (np.abs(energy - exact) <= bound).all()


def test_rapl_like_counter_is_known_to_its_update() -> None:
    """1 ms updates polled every 10 ms: an edge is uncertain by about 1 ms x 50 W, not by half a poll."""
    clock = FakeClock()
    card = FakeCard(power=Power((0, 50.0)), tick_s=0.001, phase_s=0.0, read_s=0.0001)
    nvml = FakeNvml(card, clock=clock)
    samples = []
    while clock() < 3:
        begin = clock()
        joules = nvml.nvmlDeviceGetTotalEnergyConsumption(card) / 1e3
        samples.append(Sample((begin + clock()) / 2, clock() - begin, joules))
        clock.sleep(0.01)
    trace = Trace.from_samples(samples, "rapl", 0.001)
    energy, bound = counter_energy(trace, [0.5, 2.5])
    assert energy[0] == pytest.approx(100.0, abs=0.11)
    assert abs(energy[0] - 100.0) <= bound[0] < 0.15


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


def test_a_counter_that_pauses_for_longer_than_a_second_says_nothing_meanwhile() -> None:
    steps = [float(10 * i) for i in range(20)] + [190.0] * 20 + [float(390 + 10 * i) for i in range(20)]
    trace = make([0.1 * i for i in range(60)], energy_j=steps, tick_s=0.1)
    energy, _ = counter_energy(trace, [0.55, 1.55, 3.05, 5.05])
    assert energy[0] == pytest.approx(100.0)
    assert np.isnan(energy[1:]).all()
    assert "stuck: no tick for 2.1 s" in str(window_energies(trace, [0.55, 3.05]).reason)


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


# ---- power ------------------------------------------------------------------------------------------------


def test_trapezoid_by_hand() -> None:
    trace = make([0.0, 1.0, 3.0], power_w=[100.0, 200.0, 0.0])
    energy, bound = power_energy(trace, [0.5, 1.0, 2.0])
    np.testing.assert_allclose(energy, [(150 + 200) / 2 * 0.5, (200 + 100) / 2 * 1.0])
    np.testing.assert_allclose(bound, [100 * 0.5, 200 * 1.0])


@settings(max_examples=100, deadline=None)
@given(
    knots=st.lists(st.tuples(st.floats(1e-3, 2.0), WATTS), min_size=3, max_size=30),
    shares=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6, unique=True),
    between=st.lists(st.floats(0.0, 1.0), max_size=20),
)
def test_integrated_power_is_exact_when_read_at_its_knots(
    knots: list[tuple[float, float]], shares: list[float], between: list[float]
) -> None:
    """Any piecewise-linear power, read at its knots and anywhere else besides, over any windows."""
    times = np.cumsum([dt for dt, _ in knots])
    power = Power(*zip(times, [w for _, w in knots], strict=True))
    span = times[-1] - times[0]
    read_at = np.union1d(times, times[0] + span * np.array(between))
    trace = make(read_at.tolist(), power_w=[power.at(t) for t in read_at])
    edges = np.unique(np.minimum(times[0] + span * np.array(shares), times[-1]))
    if len(edges) < 2 or np.diff(edges).min() < 1e-9:
        return
    energy, bound = power_energy(trace, edges)
    exact = [power.energy_j(a, b) for a, b in pairwise(edges)]
    np.testing.assert_allclose(energy, exact, rtol=1e-9, atol=1e-7)
    assert (bound >= 0).all()


@settings(max_examples=60, deadline=None)
@given(
    levels=st.lists(WATTS, min_size=4, max_size=12),
    start=st.floats(0.5, 1.5),
    length=st.floats(0.2, 2.0),
    polls=polling,
)
def test_held_power_readings_are_within_their_bound(
    levels: list[float], start: float, length: float, polls: tuple[float, float]
) -> None:
    """Ramps through `levels`, one every 0.5 s, shown at ten updates a second that fall on the knots."""
    power = Power(*((0.5 * i, w) for i, w in enumerate(levels)))
    card = FakeCard(power=power, has_counter=False, phase_s=0.0)
    trace = record(card, 4, poll_s=polls[1])
    energy, bound = power_energy(trace, [start, start + length])
    rounding_j = 1e-3 * length  # readings are whole milliwatts
    assert abs(energy[0] - power.energy_j(start, start + length)) <= bound[0] + rounding_j


# ---- flags ------------------------------------------------------------------------------------------------


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


def test_the_trace_needs_neither_torch_nor_nvml() -> None:
    import subprocess
    import sys

    code = (
        "import sys, trainables.energy.trace; "
        "print([m for m in ('torch', 'pynvml', 'ray', 'transformers', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
