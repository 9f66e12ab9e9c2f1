"""Corrections for having compared many: by hand, against the exact answer for independent ones, and their level."""

import numpy as np
import pytest
from scipy.special import ndtr

from analysis.statistics.multiplicity import examples_needed, holm, max_t, needed_z
from analysis.statistics.paired import margin_variance, paired_differences

EXAMPLES, TOLERANCE = 800, 0.01


def test_holm_is_step_down():
    """Sorted 0.01, 0.03, 0.04 by 3, 2, 1: 0.03, 0.06, and never less than the one before: 0.06."""
    assert list(holm(np.array([0.01, 0.04, 0.03]))) == pytest.approx([0.03, 0.06, 0.06])
    assert list(holm(np.array([]))) == []
    assert list(holm(np.array([0.9, 0.6]))) == [1, 1]


def test_one_comparison_needs_no_correction():
    assert list(max_t(np.array([0.03]), np.zeros((1, 5)), np.ones(1))) == [0.03]


def test_of_independent_statistics_the_answer_is_exact():
    """1 - (1 - p)^k for the k that are not rejected before, the largest statistic first."""
    p = np.array([0.02, 0.3, 0.01])
    found = max_t(p, np.full((3, 4), np.nan), np.ones(3))
    np.testing.assert_allclose(found, [1 - 0.98**2, 0.3, 1 - 0.99**3], atol=0.004)
    assert (found <= holm(p)).all()


def test_what_is_nearly_the_same_counts_nearly_once():
    """Of 20 copies that differ on a few examples in each 1000, all variance in the examples: close to p itself."""
    rng = np.random.default_rng(0)
    one = rng.choice([-1.0, 0.0, 1.0], size=4000)
    copies = np.tile(one, (20, 1))
    copies[:, :20] = rng.choice([-1.0, 1.0], size=(20, 20))
    found = max_t(np.full(20, 0.02), copies, copies.var(axis=1))
    assert found.max() < 0.06
    independent = max_t(np.full(20, 0.02), copies, np.full(20, 1e6))  # the examples explain nothing of so much
    assert independent.min() > 0.28  # 1 - 0.98^20 = 0.33


def test_many_hypotheses_fall_back_on_holm():
    p = np.linspace(1e-6, 1, 301)
    np.testing.assert_allclose(max_t(p, np.full((301, 2), np.nan), np.ones(301)), holm(p))


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True])
def test_the_chance_of_one_false_pass_is_kept(shared):
    """Eight configurations at exactly -1 point (1 % gained, 2 % lost), independent or mostly alike; 400 data sets."""
    rng = np.random.default_rng(3)
    false = 0
    for _ in range(400):
        common = rng.random(EXAMPLES) if shared else None
        flips = rng.random((8, EXAMPLES))
        if common is not None:
            flips = np.where(rng.random((8, EXAMPLES)) < 0.9, common, flips)
        differences = np.where(flips < 0.01, 1.0, np.where(flips < 0.03, -1.0, 0.0))
        gained, lost = (differences > 0).sum(axis=1), (differences < 0).sum(axis=1)
        p = paired_differences(gained, lost, EXAMPLES, TOLERANCE).p_worse
        variance = margin_variance(np.full(8, -TOLERANCE), gained.astype(float), lost.astype(float), EXAMPLES)
        false += max_t(p, differences, variance).min() <= 0.05
    assert 0.01 < false / 400 < 0.075


def test_so_many_examples_let_the_best_pass_first():
    """872 examples, tolerance 1 point: an answer like the baseline's has z = sqrt(872 x 0.01 / 0.99) = 2.968."""
    most = max(m for m in range(1, 200) if examples_needed(m, 0.01) <= 872)
    assert most == 34  # 1 - (1 - 0.0015)^34 = 0.0498
    assert 1 - (1 - ndtr(-2.968)) ** 34 < 0.05 < 1 - (1 - ndtr(-2.968)) ** 35
    needed = examples_needed(100, 0.01)
    z = -needed_z(100)
    assert paired_differences(0, 0, needed, 0.01).p_worse[0] <= ndtr(z)
    assert paired_differences(0, 0, needed - 1, 0.01).p_worse[0] > ndtr(z)
