"""Intervals from replicates: the Birge ratio, moderated errors, and whether both cover the truth."""

import numpy as np
import pytest

from analysis.statistics.intervals import POOLED, REPLICATES, WITHIN, between_trials, moderated, within_error

# Five windows: a log variance of 4 degrees of freedom is too low by log 2 - digamma(2), and known to trigamma(2).
BIAS, NOISE = 0.2703628, 0.6449341


def test_a_half_width_is_undone_to_its_standard_error():
    found = within_error(np.array([0.02776445, 0.1, 0.1]), np.array([10.0, 1.0, 1.0]), np.array([5, 1, np.nan]))
    np.testing.assert_allclose(found, [0.001, np.nan, np.nan], rtol=1e-6)  # t(4) = 2.776445


def test_errors_that_differ_by_chance_alone_become_one():
    """Log variances 0 and +-log 2 about their mean: variance 0.480, less than the noise of 0.645."""
    found, doubt = moderated(1e-4 * np.array([0.5, 1, 2]), np.full(3, 4.0))
    np.testing.assert_allclose(found, 1e-4 * np.exp(BIAS), rtol=1e-6)
    assert list(doubt) == [0, 0, 0]


def test_errors_that_differ_truly_stay_near_their_own():
    """Logs log 900 = 6.80239 apart: variance 23.13627, of which 22.49134 is true and NOISE is not.

    So each goes 0.6449 / 23.14 of its 3.40120 to the mean, and is then known to 22.49 / 23.14 of the noise.
    """
    found, doubt = moderated(np.array([1e-6, 9e-4]), np.full(2, 4.0))
    pull = NOISE / 23.13627 * 3.40120
    np.testing.assert_allclose(found, [1e-6 * np.exp(BIAS + pull), 9e-4 * np.exp(BIAS - pull)], rtol=1e-5)
    np.testing.assert_allclose(doubt, 22.49134 / 23.13627 * NOISE, rtol=1e-5)


def test_few_windows_are_drawn_in_further_than_many():
    """Nine sure variances of 1 and 1e-4 each say they differ truly; of two windows (freedom 1) 1e-4 is likely luck."""
    variance = np.array([1.0, 1e-4] * 9 + [1e-4, 1e-4])
    freedom = np.array([50.0] * 18 + [1.0, 50.0])
    found, doubt = moderated(variance, freedom)
    assert found[-1] == pytest.approx(1e-4, rel=0.1)
    assert found[-2] > 5 * found[-1]
    assert doubt[-2] > 50 * doubt[-1]


def test_an_unknown_error_is_the_usual_one():
    variance, freedom = np.array([1e-4, 1e-4, np.nan, 0, 1e-4]), np.array([4.0, 4, 4, 4, 0])
    np.testing.assert_allclose(moderated(variance, freedom)[0], 1e-4 * np.exp(BIAS), rtol=1e-6)


def test_the_usual_error_is_a_line_in_power_once_there_are_ten():
    """Log variance -0.01 per W, and +-0.5 at each power: variance about the line 10 x 0.25 / 8, less than the noise."""
    power = np.repeat([100.0, 200, 300, 400, 500], 2)
    line = 1e-2 * np.exp(-0.01 * power)
    variance, freedom = line * np.exp(np.tile([-0.5, 0.5], 5)), np.full(10, 4.0)
    np.testing.assert_allclose(moderated(variance, freedom, power)[0], line * np.exp(BIAS), rtol=1e-6)
    without = moderated(variance, freedom)[0]
    same = np.full(10, 24.0)  # of an estimate: assumed watts
    np.testing.assert_allclose(moderated(variance, freedom, same)[0], without)
    np.testing.assert_allclose(moderated(variance, freedom, np.full(10, np.nan))[0], without)
    nine = moderated(variance[:9], freedom[:9], power[:9])[0]
    np.testing.assert_allclose(nine, moderated(variance[:9], freedom[:9])[0])
    power[4] = np.nan  # counts as the mean power
    assert np.isfinite(moderated(variance, freedom, power)[0]).all()


def test_the_birge_ratio_by_hand():
    """Spread between trials 3 % (3 trials) and 5 % (2), 1 % within each: (2 x 9 + 1 x 25) / 3 = 14.333."""
    found = between_trials(
        np.array([0.03, 0.05, np.nan]), np.array([3, 2, 1]), np.full(3, 0.01), np.array([12.0, 8, 4])
    )
    np.testing.assert_allclose(found.freedom, 3)
    assert (found.configurations, found.kind) == (2, POOLED)
    # Within errors that are equal by chance become one, which cancels: each varies by 1 % sqrt(14.333).
    np.testing.assert_allclose(found.relative_sd, 0.01 * (43 / 3) ** 0.5, rtol=1e-9)
    # t(3) = 3.182446
    half = found.half_width(np.array([1.0, 1.0, 2.0]), np.array([3, 2, 1]))
    np.testing.assert_allclose(half, 3.182446 * 0.01 * (43 / 3) ** 0.5 * np.array([3**-0.5, 2**-0.5, 2]), rtol=1e-6)


def test_a_quiet_configuration_keeps_its_quiet_error():
    """0.1 and 3 % within, moderated as above to 0.12003 and 3.27522 %; the noisy one's two trials differ by 10 %.

    The log of the factor^2 is known to trigamma(1 / 2) = 4.93480, that of each moderated variance to 0.62696: together
    5.56176 = trigamma(f / 2) for f = 0.93268, where 97.5 % of Student's t lie below 15.0921 (12.7062 for f = 1).
    """
    found = between_trials(np.array([np.nan, 0.1]), np.array([1, 2]), np.array([0.001, 0.03]), np.full(2, 4.0))
    assert found.kind == REPLICATES
    assert found.inflation == pytest.approx(0.1 / 0.0327522, rel=1e-4)
    np.testing.assert_allclose(found.relative_sd, [0.0012003 * 0.1 / 0.0327522, 0.1], rtol=1e-4)
    np.testing.assert_allclose(found.freedom, 0.93268, rtol=1e-4)
    np.testing.assert_allclose(found.half_width(np.ones(2), np.ones(2)) / found.relative_sd, 15.0921, rtol=1e-4)


def test_replicates_that_agree_too_well_shrink_nothing():
    found = between_trials(np.array([0.001, 0.0]), np.array([2, 2]), np.array([0.001, 0.03]), np.full(2, 4.0))
    assert found.inflation == 1
    np.testing.assert_allclose(found.relative_sd, [0.003, 0.0327522], rtol=1e-4)  # nothing repeats within 0.3 %


def test_without_errors_within_trials_the_relative_spread_is_pooled():
    """(2 x 0.01^2 + 1 x 0.02^2) / 3 for all, however small."""
    for within in (np.full(3, np.nan), np.zeros(3)):
        found = between_trials(np.array([0.01, 0.02, np.nan]), np.array([3, 2, 1]), within, np.full(3, 4.0))
        np.testing.assert_allclose(found.relative_sd, (0.0006 / 3) ** 0.5)
        assert np.isnan(found.inflation)
        assert found.kind == POOLED
    nothing = between_trials(np.full(2, np.nan), np.ones(2), np.full(2, 0.01), np.full(2, 4.0))
    assert (nothing.kind, list(nothing.freedom)) == (WITHIN, [0, 0])
    assert np.isnan(nothing.half_width(np.ones(2), np.ones(2))).all()


def coverage(*, within_known: bool = True, windows: int = 5, watts: bool = True) -> tuple[float, float]:
    """How often 95 % intervals hold the truth: of 10 quiet configurations, and of 10 noisy ones; in 1000 sweeps.

    Within trials 0.2 and 3 %, between them three times that; three of each are measured twice. All means are truly 1.
    """
    rng = np.random.default_rng(7)
    sd, power = np.repeat([0.002, 0.03], 10), np.repeat([600.0, 150.0], 10)
    trials = np.where(np.arange(20) % 10 < 3, 2, 1)
    freedom = trials * (windows - 1.0)
    hits = np.zeros(20)
    for _ in range(1000):
        first, second = 1 + 3 * sd * rng.standard_normal((2, 20))
        mean = np.where(trials == 2, (first + second) / 2, first)
        own = np.where(trials == 2, np.abs(first - second) / 2**0.5 / mean, np.nan)
        within = sd * np.sqrt(rng.chisquare(freedom) / freedom)
        known = within if within_known else np.full(20, np.nan)
        found = between_trials(own, trials, known, freedom, power if watts else None)
        hits += np.abs(mean - 1) <= found.half_width(mean, trials)
    return float(hits[:10].mean() / 1000), float(hits[10:].mean() / 1000)


@pytest.mark.parametrize(("windows", "watts"), [(5, True), (2, True), (5, False)])
def test_intervals_cover_the_truth_of_quiet_and_of_noisy_configurations(windows, watts):
    quiet, noisy = coverage(windows=windows, watts=watts)
    assert 0.93 < quiet < 0.98
    assert 0.93 < noisy < 0.98


def test_one_pooled_spread_covers_neither():
    """Why the spread is not pooled as such: far too wide for the quiet ones, too narrow for the noisy ones."""
    quiet, noisy = coverage(within_known=False)
    assert quiet == 1
    assert noisy < 0.9
