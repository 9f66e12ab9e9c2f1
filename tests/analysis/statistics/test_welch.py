"""Means compared on the log scale: hand-worked limits, and coverage where three trials are all there is."""

import math

import numpy as np
import pytest

from analysis.statistics.welch import student_half_width, welch_difference, welch_ratio

T2 = 4.302653  # Student's 97.5 % point of two degrees of freedom


def test_where_one_sample_does_not_vary_the_other_decides_alone():
    # relative variance of the first mean 0.01 / 3, two degrees of freedom
    value, low, high = welch_ratio(np.array([1.0, 1.1, 0.9]), np.array([0.5, 0.5, 0.5]))
    half = T2 * math.sqrt(0.01 / 3)
    assert (value, low, high) == pytest.approx((2.0, 2 * math.exp(-half), 2 * math.exp(half)), rel=1e-6)


def test_two_samples_that_vary_alike_have_four_degrees_of_freedom():
    value, low, _ = welch_ratio(np.array([1.0, 1.1, 0.9]), np.array([2.0, 2.2, 1.8]))
    assert value == pytest.approx(0.5)
    assert math.log(value / low) == pytest.approx(2.776445 * math.sqrt(2 * 0.01 / 3), rel=1e-6)


def test_values_that_are_all_equal_have_no_width():
    assert [float(v) for v in welch_ratio(np.ones(3), np.full(3, 0.5))] == [2.0, 2.0, 2.0]


def test_a_difference_and_a_mean():
    assert welch_difference(np.array([1.0, 1.1, 0.9]), np.full(3, 0.5)) == pytest.approx((0.5, T2 * 0.1 / 3**0.5))
    assert student_half_width(np.array([1.0, 1.1, 0.9])) == pytest.approx(T2 * 0.1 / 3**0.5)


@pytest.mark.parametrize("spreads", [(0.003, 0.003), (0.003, 0.06), (0.15, 0.02)])
def test_of_many_samples_at_once_the_intervals_hold_the_truth(spreads):
    rng = np.random.default_rng(5)
    first = 3 * np.exp(spreads[0] * rng.standard_normal((4000, 3)))
    second = np.exp(spreads[1] * rng.standard_normal((4000, 3)))
    truth = 3 * math.exp((spreads[0] ** 2 - spreads[1] ** 2) / 2)
    value, low, high = welch_ratio(first, second)
    assert value.shape == (4000,)
    assert np.mean((low <= truth) & (truth <= high)) > 0.935
