"""The meter-agreement check: the second process's arithmetic, ticks, and a load that fails."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.checks.meter_agreement import run as check
from benchmarks.checks.meter_agreement.second_process import reader_energy
from benchmarks.lib.smoke import TickingMeter


def test_the_second_process_interpolates_between_first_sights():
    at = np.arange(0, 1, 0.01)
    readings = np.stack([at, np.zeros_like(at), 7.0 * np.floor(at / 0.1 + 1e-9)], axis=1)
    assert reader_energy(readings, 0.2, 0.7) == pytest.approx(35.0)
    assert reader_energy(readings, 0.23, 0.55) == pytest.approx(70 * 0.32)
    assert np.isnan(reader_energy(readings, 0.01, 0.5))  # before the first tick
    assert np.isnan(reader_energy(readings[:5], 0.01, 0.02))


def test_a_window_opens_right_after_a_tick():
    meter = TickingMeter()
    before = meter.read()
    old_s = check.wait_for_tick(meter)
    assert meter.read().energy_j > before.energy_j
    assert old_s >= before.time_s
    stuck = SimpleNamespace(read=lambda: SimpleNamespace(energy_j=1.0, time_s=0.0, read_s=0.0))
    with pytest.raises(RuntimeError, match="did not tick"):
        check.wait_for_tick(stuck, timeout_s=0.01)


def test_a_load_that_fails_says_so():
    def fail():
        raise ValueError("out of memory")

    with check.Steady(fail) as steady:
        steady._thread.join()
        with pytest.raises(RuntimeError, match="the load failed"):
            steady.check()


def test_worst_is_the_largest_difference_and_nan_stays():
    assert check.worst(np.array([0.01, -0.02])) == 0.02
    assert np.isnan(check.worst(np.array([0.01, np.nan])))
