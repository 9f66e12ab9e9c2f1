"""The repeatability check: spread and coverage of made-up trials."""

import numpy as np
import pytest

from benchmarks.checks.repeatability import run as repeatability


def test_coefficient_of_variation_is_the_sample_deviation_over_the_mean():
    assert repeatability.coefficient_of_variation(np.array([1.0, 2.0, 3.0])) == pytest.approx(0.5)


def test_headline_coverage_counts_every_choice_of_three():
    # 10 of 20 choices leave the 9 out: their interval is a point that misses. The others hold it.
    assert repeatability.headline_coverage(np.array([1.0, 1, 1, 1, 1, 9])) == 0.5
    assert repeatability.headline_coverage(np.array([0.0, 1, 2, 1])) == 1.0


def test_headline_coverage_of_normal_values_is_93_percent():
    rng = np.random.default_rng(0)
    mean = np.mean([repeatability.headline_coverage(rng.normal(100, 1, 10)) for _ in range(100)])
    assert mean == pytest.approx(0.93, abs=0.02)


def test_within_coverage_leaves_each_trial_out_of_its_own_target():
    values, half_widths = np.array([1.0, 2.0, 3.0]), np.array([1.5, 0.0, 1.0])
    assert repeatability.within_coverage(values, half_widths) == pytest.approx(2 / 3)


def test_too_few_trials_have_no_coverage_rather_than_a_wrong_one():
    trial = {"energy_j_per_example": 1.0, "energy_j_per_example_ci95": 0.1, "mean_power_w": 5.0}
    one = repeatability.summary([trial])
    assert (one["trials"], one["cv"], one["headline_coverage"]) == (1, None, None)
    three = repeatability.summary([trial] * 3)
    assert (three["cv"], three["headline_coverage"], three["first_over_rest"]) == (0.0, None, 1.0)
