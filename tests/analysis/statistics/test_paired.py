"""Score intervals of paired and unpaired differences: their limits solve the equations of the papers."""

import numpy as np
import pytest

from analysis.statistics.paired import paired_differences, paired_z, smallest_tolerance, unpaired_differences

Z = 1.6448536269514722  # one-sided 95 %


def test_zero_flips_resolve_a_third_of_a_point_on_872_examples():
    """Tango's limit at zero flips solves n d / sqrt(n d (1 - d)) = z, so d = z^2 / (n + z^2)."""
    by_hand = Z**2 / (872 + Z**2)
    assert by_hand == pytest.approx(0.003093, abs=1e-6)
    assert smallest_tolerance(872) == pytest.approx(by_hand)
    unpaired = -unpaired_differences(800, 800, 872, 0.01).low[0]
    assert smallest_tolerance(872, 800 / 872) == pytest.approx(unpaired)
    assert unpaired > 6 * by_hand
    assert 0 < paired_differences(0, 0, 10_000, 0.01).p_worse[0] < 1e-20  # not 0, though beyond 1 - ndtr's digits
    found = paired_differences(0, 0, 872, 0.01)
    assert found.low[0] == pytest.approx(-by_hand, abs=1e-9)
    assert found.high[0] == pytest.approx(by_hand, abs=1e-9)


def test_paired_limits_solve_tangos_equation():
    """At the limits the statistic is +-z; here its constrained estimate comes from the likelihood itself."""
    from scipy.optimize import minimize_scalar

    gained, lost, n = 6.0, 15.0, 500
    found = paired_differences(gained, lost, n, 0.01)
    for delta, z in ((found.low[0], Z), (found.high[0], -Z)):

        def loss(p, delta=delta):  # p: only the baseline right; p + delta: only the candidate
            rest = n - gained - lost
            return -(lost * np.log(p) + gained * np.log(p + delta) + rest * np.log(1 - 2 * p - delta))

        low = max(0.0, -delta) + 1e-9
        p = minimize_scalar(loss, bounds=(low, (1 - delta) / 2 - 1e-9), method="bounded", options={"xatol": 1e-12}).x
        by_hand = (gained - lost - n * delta) / np.sqrt(n * (2 * p + delta - delta**2))
        assert by_hand == pytest.approx(z, abs=1e-4)
        assert paired_z(np.array(delta), np.array(gained), np.array(lost), n) == pytest.approx(z, abs=1e-9)


@pytest.mark.parametrize(("x1", "x0", "n"), [(56, 48, 80), (780, 800, 872), (0, 5, 50), (50, 50, 50)])
def test_unpaired_limits_solve_the_equation_of_miettinen_and_nurminen(x1, x0, n):
    """Checked against the likelihood itself (statsmodels 0.15's "score" interval fails this check)."""
    from scipy.optimize import minimize_scalar

    found = unpaired_differences(x1, x0, n, 0.01)
    for delta, z in ((found.low[0], Z), (found.high[0], -Z)):

        def loss(p, delta=delta):
            q = np.clip([p + delta, 1 - p - delta, p, 1 - p], 1e-300, 1)
            return -np.dot([x1, n - x1, x0, n - x0], np.log(q))

        bounds = (max(0.0, -delta), min(1.0, 1 - delta))
        p = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
        variance = ((p + delta) * (1 - p - delta) + p * (1 - p)) / n * 2 * n / (2 * n - 1)
        assert ((x1 - x0) / n - delta) / np.sqrt(variance) == pytest.approx(z, abs=1e-4)
    mirrored = unpaired_differences(x0, x1, n, 0.01)
    assert (mirrored.low[0], mirrored.high[0]) == pytest.approx((-found.high[0], -found.low[0]), abs=1e-9)
