"""Joules of a polled counter: known answers, and bounds that hold for any scripted power."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.make.nvml import FakeCard, FakeClock, FakeNvml, Power
from tests.make.traces import POLLING, WATTS, make, record
from trainables.energy.counter import counter_energy, counter_ticks
from trainables.energy.meter import Sample
from trainables.energy.trace import Trace
from trainables.energy.windows import window_energies


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


@settings(max_examples=60, deadline=None)
@given(power=powers(shortest_s=0.35), offsets=windows, polls=POLLING)
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
@given(power=powers(shortest_s=0.005), offsets=windows, polls=POLLING)
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


def test_a_counter_that_pauses_for_longer_than_a_second_says_nothing_meanwhile() -> None:
    steps = [float(10 * i) for i in range(20)] + [190.0] * 20 + [float(390 + 10 * i) for i in range(20)]
    trace = make([0.1 * i for i in range(60)], energy_j=steps, tick_s=0.1)
    energy, _ = counter_energy(trace, [0.55, 1.55, 3.05, 5.05])
    assert energy[0] == pytest.approx(100.0)
    assert np.isnan(energy[1:]).all()
    assert "stuck: no tick for 2.1 s" in str(window_energies(trace, [0.55, 3.05]).reason)
