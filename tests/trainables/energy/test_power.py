"""Joules of integrated power: known answers, and bounds that hold."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.make.nvml import FakeCard, Power
from tests.make.traces import POLLING, WATTS, make, record
from trainables.energy.power import power_energy


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
    polls=POLLING,
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
