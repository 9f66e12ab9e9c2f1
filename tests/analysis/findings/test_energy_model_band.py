"""The confidence band of a fitted line: the model without noise, and by hand with it."""

import numpy as np
import pytest
from scipy.stats import t

from analysis.findings.energy_model.band import fitted_band
from analysis.findings.energy_model.model import fit_energy
from tests.make.rows import frame, linear_rows

A, B = 0.005, 2e-5


def test_without_noise_the_band_is_the_line() -> None:
    (fit,) = fit_energy(frame(linear_rows(A, B))).depth_fits
    band = fitted_band(fit, steps=5)
    assert band["work"].iloc[0] == pytest.approx(2 * 16)  # the shortest input at the least depth
    assert band["work"].iloc[-1] == pytest.approx(12 * 128)
    np.testing.assert_allclose(band["mean"], A + B * band["work"])
    np.testing.assert_allclose(band["high"] - band["low"], 0, atol=1e-9)


def test_the_half_width_is_students_t_times_the_error_of_the_mean() -> None:
    rows = linear_rows(A, B, noise=0.03, depths=(12,), rng=np.random.default_rng(3))
    (fit,) = fit_energy(frame(rows)).length_fits
    assert (fit.configurations, fit.freedom) == (8, 6)
    (aa, ab), (_, bb) = fit.covariance
    assert aa is not None
    assert ab is not None
    assert bb is not None
    last = fitted_band(fit).iloc[-1]
    error = np.sqrt(aa + 2 * 128 * ab + 128**2 * bb)
    assert last["work"] == 128  # tokens alone
    assert last["mean"] == pytest.approx(fit.coefficient("a").value + 128 * fit.coefficient("b").value)
    assert last["high"] - last["mean"] == pytest.approx(t.ppf(0.975, 6) * error)
    assert last["mean"] - last["low"] == pytest.approx(t.ppf(0.975, 6) * error)
