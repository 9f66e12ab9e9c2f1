"""Traces of scripted cards, and of readings worked by hand."""

from hypothesis import strategies as st

from tests.make.nvml import FakeCard, FakeClock, FakeNvml, poll
from trainables.energy.meter import Sample
from trainables.energy.meters.nvml import NvmlMeter
from trainables.energy.trace import Trace

WATTS = st.floats(40.0, 700.0)
POLLING = st.tuples(st.floats(0.0, 0.1), st.sampled_from([0.004, 0.01, 0.02, 0.035]))  # phase of the ticks, period (s)


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
