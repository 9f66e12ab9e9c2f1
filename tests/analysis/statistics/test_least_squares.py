"""Least squares with relative errors: intervals that cover, leave-one-out, and the choice between two models."""

import numpy as np
import pytest

from analysis.statistics.least_squares import ordinary_least_squares, relative_least_squares, wants_more

A, B = 0.005, 2e-5


def test_intervals_cover_the_truth_with_relative_noise():
    """HC3 intervals over 200 simulated sweeps of 48 configurations with 3 % noise."""
    rng = np.random.default_rng(0)
    hits = 0
    x = np.column_stack([np.ones(48), np.outer([2, 4, 6, 8, 10, 12], [16, 24, 32, 40, 48, 64, 96, 128]).ravel()])
    for _ in range(200):
        y = x @ [A, B] * (1 + 0.03 * rng.standard_normal(48))
        fit = relative_least_squares(x, y)
        hits += fit.low[1] <= B <= fit.high[1]
    assert hits / 200 > 0.9


def test_leave_one_out_is_what_refitting_gives():
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(8), np.array([16, 24, 32, 40, 48, 64, 96, 128.0])])
    y = x @ [0.01, 0.001] * (1 + 0.02 * rng.standard_normal(8))
    fit = relative_least_squares(x, y)
    weights = 1 / fit.fitted**2
    for i in range(8):
        keep = np.arange(8) != i
        root = np.sqrt(weights[keep])
        beta = np.linalg.lstsq(x[keep] * root[:, None], y[keep] * root, rcond=None)[0]
        assert fit.loo[i] == pytest.approx(x[i] @ beta, rel=1e-6)


def test_ordinary_least_squares_are_the_textbook_ones():
    """Four points by hand: y = 1.5 x + 0.5 leaves 0, 0.5, -1, 0.5 over, so its residual variance is 1.5 / 2."""
    x = np.column_stack([np.ones(4), np.array([1.0, 2.0, 3.0, 4.0])])
    y = np.array([2.0, 4.0, 4.0, 7.0])
    fit = ordinary_least_squares(x, y)
    assert fit.coefficients == pytest.approx([0.5, 1.5])
    assert fit.sd == pytest.approx(np.sqrt(1.5 / 2))
    assert fit.r2 == pytest.approx(1 - 1.5 / np.sum((y - y.mean()) ** 2))
    for i in range(4):
        keep = np.arange(4) != i
        assert fit.loo[i] == pytest.approx(x[i] @ np.linalg.lstsq(x[keep], y[keep], rcond=None)[0])
    assert relative_least_squares(x, y).coefficients != pytest.approx([0.5, 1.5])


def test_an_absent_attention_term_is_hardly_ever_found():
    rng = np.random.default_rng(0)
    x = np.outer([2, 4, 6, 8, 10, 12], [16, 24, 32, 40, 48, 64, 96, 128])
    tokens = np.broadcast_to([16, 24, 32, 40, 48, 64, 96, 128], x.shape).ravel()
    simple = np.column_stack([np.ones(48), x.ravel()])
    richer = np.column_stack([simple, x.ravel() * tokens])
    found = 0
    for _ in range(100):
        y = simple @ [A, B] * (1 + 0.02 * rng.standard_normal(48))
        one, two = relative_least_squares(simple, y), relative_least_squares(richer, y)
        found += wants_more(one.loo, two.loo, y)[0]
    assert found <= 8
