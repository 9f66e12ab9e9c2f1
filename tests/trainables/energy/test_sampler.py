"""The sampler's thread, in real time but tenths of a second."""

import time

import numpy as np
import pytest

from trainables.energy.counter import counter_energy
from trainables.energy.meter import DeviceInfo, Meter, MeterError, Sample
from trainables.energy.meters.estimate import EstimateMeter
from trainables.energy.power import power_energy
from trainables.energy.sampler import Sampler
from trainables.energy.windows import window_energies


class TenWatts(Meter):
    """A continuous counter at 10 W; fails from the n-th read on."""

    source = "nvml_counter"
    device = DeviceInfo("fake")
    tick_s = 0.0
    poll_s = 0.005

    def __init__(self, fails_at: int = 10**9, error: Exception | None = None) -> None:
        self.reads = 0
        self.fails_at = fails_at
        self.error = error or MeterError("GPU is lost")

    def read(self) -> Sample:
        self.reads += 1
        if self.reads >= self.fails_at:
            raise self.error
        now = time.perf_counter()
        return Sample(now, 0.0, 10 * now, 10.0)

    def foreign_processes(self) -> bool | None:
        return False


def test_windows_cut_from_a_running_sampler() -> None:
    with Sampler(TenWatts()) as sampler:
        sampler.cover(time.perf_counter() + 0.02)  # in a trial the warm-up does this
        edges = [time.perf_counter()]
        for _ in range(2):
            time.sleep(0.05)
            edges.append(time.perf_counter())
        sampler.cover(edges[-1])
        trace = sampler.trace()
    result = window_energies(trace, edges)
    np.testing.assert_allclose(result.energy_j, 10 * np.diff(edges), rtol=1e-3)
    np.testing.assert_allclose(result.power_energy_j, 10 * np.diff(edges), rtol=1e-6)
    assert trace.time_s[0] <= edges[0]
    assert trace.time_s[-1] >= edges[-1]


def test_the_trace_is_a_snapshot() -> None:
    with Sampler(TenWatts()) as sampler:
        first = sampler.trace()
        before = len(first)
        sampler.cover(time.perf_counter() + 0.02)
        assert len(sampler.trace()) > before
        assert len(first) == before >= 1
    after = len(sampler.trace())  # still there after the end, and no longer growing
    time.sleep(0.02)
    assert len(sampler.trace()) == after


def test_polls_keep_their_period() -> None:
    meter = TenWatts()
    with Sampler(meter):
        time.sleep(0.2)
    assert 20 <= meter.reads <= 43  # 41 in theory


def test_an_estimate_covers_short_windows() -> None:
    with Sampler(EstimateMeter(20.0)) as sampler:
        start = time.perf_counter()
        time.sleep(0.03)
        end = time.perf_counter()
        sampler.cover(end)
        energy, bound = power_energy(sampler.trace(), [start, end])
    assert energy[0] == pytest.approx(20 * (end - start))
    assert bound[0] == 0


def test_a_failing_sensor_surfaces_when_asked_and_at_the_end() -> None:
    sampler = Sampler(TenWatts(fails_at=3)).__enter__()
    with pytest.raises(MeterError, match="GPU is lost"):
        sampler.cover(time.perf_counter() + 1)
    with pytest.raises(MeterError, match="GPU is lost"):
        sampler.trace()
    with pytest.raises(MeterError, match="GPU is lost"):
        sampler.__exit__(None, None, None)


def test_any_error_of_the_thread_becomes_a_meter_error() -> None:
    with (
        pytest.raises(MeterError, match=r"reading the energy meter failed: ValueError\('odd'\)"),
        Sampler(TenWatts(fails_at=2, error=ValueError("odd"))),
    ):
        time.sleep(0.05)


def test_a_meter_that_cannot_be_read_fails_at_once() -> None:
    with pytest.raises(MeterError, match="GPU is lost"), Sampler(TenWatts(fails_at=1)):
        pytest.fail("not reached")


def test_an_error_of_the_load_is_not_hidden_by_the_sensor() -> None:
    def trial() -> None:
        with Sampler(TenWatts(fails_at=2)):
            time.sleep(0.03)
            raise KeyError("load")

    with pytest.raises(KeyError, match="load"):
        trial()


class Ticking(TenWatts):
    """A counter of 10 W that ticks every 50 ms and is read every 5."""

    tick_s = 0.05

    def read(self) -> Sample:
        now = time.perf_counter()
        return Sample(now, 0.0, 10 * 0.05 * int(now / 0.05), 10.0)


def test_a_window_is_covered_as_soon_as_the_counter_ticked_after_it() -> None:
    waits = []
    with Sampler(Ticking()) as sampler:
        sampler.cover(time.perf_counter() + 0.15)
        for _ in range(8):
            end = time.perf_counter()
            assert not sampler.covered(end)
            sampler.cover(end)
            waits.append(time.perf_counter() - end)
            energy, _ = counter_energy(sampler.trace(), [end - 0.05, end])
            assert np.isfinite(energy).all()
            time.sleep(0.013)
    assert np.median(waits) < 0.08  # two and a half ticks would be 0.125 s


def test_a_counter_that_stands_still_is_waited_for_no_longer_than_its_ticks() -> None:
    meter = Ticking()
    meter.read = lambda: Sample(time.perf_counter(), 0.0, 1.0, 10.0)  # type: ignore[method-assign]
    with Sampler(meter) as sampler:
        end = time.perf_counter()
        sampler.cover(end)
        assert 0.125 <= time.perf_counter() - end < 0.3
        assert np.isnan(counter_energy(sampler.trace(), [end - 0.1, end])[0]).all()
