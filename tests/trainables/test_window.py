"""Windows: whole passes, at least as long as asked, adjacent, with exact joules from a meter of constant power."""

import time
from dataclasses import replace

import numpy as np
import pytest

from search_spaces.sweep_config import Measuring
from tests.make.meter import ConstantMeter
from trainables.energy.meter import MeterError
from trainables.energy.sampler import Sampler
from trainables.window import measure

SHORT = Measuring(warmup_s=0.05, min_window_s=0.05, min_windows=3, min_total_s=0.2, max_measure_s=0.5)


class Load:
    """A pass of 4 ms of sleep, counted."""

    def __init__(self) -> None:
        self.passes = self.waits = 0

    def __call__(self) -> None:
        self.passes += 1
        time.sleep(0.004)

    def synchronize(self) -> None:
        self.waits += 1


def test_windows_are_adjacent_whole_passes_with_the_meters_joules():
    load = Load()
    with Sampler(ConstantMeter(watts=10.0)) as sampler:
        windows = measure(load, load.synchronize, sampler, SHORT)
    durations = windows.durations_s
    assert len(durations) >= 3
    assert durations.min() >= 0.05
    assert durations.sum() >= 0.2
    np.testing.assert_allclose(windows.energies.energy_j, 10.0 * durations, rtol=1e-6)
    assert windows.energies.total_energy_j == pytest.approx(10.0 * durations.sum(), rel=1e-6)
    assert load.passes > windows.passes.sum()  # warm-up and tail come on top
    assert load.waits < load.passes  # the device is waited for at window edges, not after every pass


def test_constant_power_per_pass_reaches_the_interval_early():
    load = Load()
    with Sampler(ConstantMeter()) as sampler:
        windows = measure(load, load.synchronize, sampler, replace(SHORT, target_ci=0.9))
    assert windows.interval_reached
    assert windows.durations_s.sum() < 0.4


def test_an_interval_that_is_never_reached_ends_at_max_measure_s():
    rng = np.random.default_rng(0)

    def uneven() -> None:
        time.sleep(0.002 + 0.01 * rng.random() ** 3)

    with Sampler(ConstantMeter()) as sampler:
        windows = measure(uneven, lambda: None, sampler, replace(SHORT, target_ci=1e-6))
    assert not windows.interval_reached
    assert 0.5 <= windows.durations_s.sum() < 0.7


def test_a_pass_longer_than_a_window_is_a_window():
    with Sampler(ConstantMeter()) as sampler:
        windows = measure(lambda: time.sleep(0.08), lambda: None, sampler, SHORT)
    assert set(windows.passes) == {1}
    assert windows.durations_s.min() >= 0.08


def test_a_sensor_lost_on_the_way_ends_the_measurement():
    load = Load()
    with pytest.raises(MeterError, match="GPU is lost"), Sampler(ConstantMeter(reads_before_failure=20)) as sampler:
        measure(load, load.synchronize, sampler, SHORT)
