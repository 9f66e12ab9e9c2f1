"""The lines of one precision: known coefficients come back, with and without attention and windows of a text."""

import numpy as np
import pytest

from analysis.findings.energy_model.model import fit_energy
from analysis.findings.energy_model.prediction import predict
from tests.make.rows import frame, linear_rows, row, windowed_rows

A, B, C = 0.005, 2e-5, 1e-7


def test_known_coefficients_are_recovered_exactly_without_noise():
    model = fit_energy(frame(linear_rows(A, B)))
    (fit,) = model.depth_fits
    assert fit.formula == "E = a + b * depth * tokens"
    assert fit.coefficient("a").value == pytest.approx(A, rel=1e-9)
    assert fit.coefficient("b").value == pytest.approx(B, rel=1e-9)
    assert fit.coefficient("b").unit == "J per token-layer"
    assert fit.r2 == pytest.approx(1.0)
    assert fit.loo_max_percent == pytest.approx(0.0, abs=1e-6)
    assert fit.attention.kept is False
    (length,) = model.length_fits
    assert length.coefficient("b").value == pytest.approx(12 * B, rel=1e-9)
    assert length.coefficient("b").unit == "J per token"
    assert (length.configurations, length.depth_range) == (8, (12, 12))
    assert not model.rises


def test_a_planted_attention_term_is_found():
    rows = frame(linear_rows(A, B, C, noise=0.01, replicates=2))
    (fit,) = fit_energy(rows).depth_fits
    assert fit.attention.kept is True
    assert fit.formula == "E = a + b * depth * tokens + c * depth * tokens^2"
    c = fit.coefficient("c")
    assert c.low < C < c.high
    assert c.unit == "J per token^2-layer"
    assert fit.attention.loo_rms_percent_with < fit.attention.loo_rms_percent_without


def test_windows_of_a_text_cost_their_own_share_and_attend_within_themselves():
    model = fit_energy(frame(windowed_rows(A, B, C)))
    (fit,) = model.depth_fits
    assert fit.formula == "E = a * inputs + b * depth * tokens + c * depth * tokens^2 / inputs"
    assert [c.value for c in fit.coefficients] == pytest.approx([A, B, C], rel=1e-6)
    assert not fit.one_input
    assert fit.tokens_per_input_range == (128, 384)
    answer = predict(model, 192, 4, "fp32")
    assert answer.energy_j_per_example == pytest.approx(answer.measured_j_per_example, rel=1e-6)
    (rise,) = [r for r in model.rises if (r.axis, r.less, r.fixed) == ("max_seq_len", 128, {"depth": 6})]
    assert (rise.more, rise.inputs_less, rise.inputs_more) == (160, 2.4, 1.76)


def test_energy_that_flattens_has_a_negative_term_in_pairs_of_tokens():
    (fit,) = fit_energy(frame(linear_rows(A, B, -C / 4, noise=0.002, replicates=2))).depth_fits
    assert fit.coefficient("c").high < 0


def test_one_point_that_alone_fixes_a_coefficient_gets_no_interval():
    """Layers times tokens are 192 in three of four configurations, so the fourth has the slope to itself."""
    rows = [row(16, 12, energy=0.1), row(32, 6, energy=0.11), row(64, 3, energy=0.1), row(128, 12, energy=0.5)]
    (fit,) = fit_energy(frame(rows)).depth_fits
    assert [(c.low, c.high) for c in fit.coefficients] == [(None, None)] * 2
    assert np.isnan(fit.covariance).all()
