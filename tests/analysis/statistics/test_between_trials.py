"""The spread between trials: the line in mean power, what a configuration's own trials say, and whether it covers."""

import numpy as np
import pytest

from analysis.statistics.between_trials import REPEATABILITY, between_trials, inverse_trigamma

QUIET, NOISY = 0.004, 0.1  # relative standard deviations between trials


def spreads(sd, trials, rng):
    """(relative standard deviations between so many trials of a mean of 1, NaN for one; their means)."""
    drawn = [1 + s * rng.standard_normal(n) for s, n in zip(sd, trials, strict=True)]
    own = [np.std(d, ddof=1) / d.mean() if len(d) > 1 else np.nan for d in drawn]
    return np.array(own), np.array([d.mean() for d in drawn])


def test_the_inverse_of_trigamma():
    """trigamma(1 / 2) = pi^2 / 2, trigamma(1) = pi^2 / 6."""
    np.testing.assert_allclose(inverse_trigamma(np.pi**2 / np.array([2, 6])), [0.5, 1], rtol=1e-9)


def test_nothing_repeated_says_nothing():
    found = between_trials(np.full(2, np.nan), np.ones(2), np.array([100.0, 600.0]))
    assert (found.configurations, list(found.freedom)) == (0, [0, 0])
    assert np.isnan(found.half_width(np.ones(2), np.ones(2))).all()


def test_the_spread_of_what_was_measured_once_is_read_off_the_line_in_power():
    """200 configurations of 20 trials lie on log variance = log 0.3^2 - 8 x share of the highest power, exactly."""
    share = np.linspace(0.1, 1, 200)
    sd = 0.3 * np.exp(-4 * share)
    own, trials = np.append(sd, [np.nan] * 2), np.append(np.full(200, 20), [1, 1])
    power = 700 * np.append(share, [0.2, 0.9])
    found = between_trials(own, trials, power)
    np.testing.assert_allclose(found.relative_sd[-2:], 0.3 * np.exp(-4 * np.array([0.2, 0.9])), rtol=0.05)
    assert (found.freedom[-2:] > 30).all()  # no scatter about the line
    kilowatts = between_trials(own, trials, power / 1000)
    np.testing.assert_allclose(kilowatts.relative_sd, found.relative_sd, rtol=1e-6)


def test_scatter_about_the_line_takes_freedom_away():
    sd = np.append(0.02 * np.tile([0.2, 5.0], 50), np.nan)
    found = between_trials(sd, np.append(np.full(100, 20), 1), np.full(101, 300.0))
    assert 0.5 < found.freedom[-1] < 3


def test_many_trials_of_its_own_outvote_the_line():
    own = np.append(np.full(30, QUIET), NOISY)
    found = between_trials(own, np.append(np.full(30, 3), 200), np.full(31, 600.0))
    assert found.relative_sd[-1] == pytest.approx(NOISY, rel=0.02)
    assert found.freedom[-1] > 150


def test_two_trials_that_agree_by_chance_shrink_little():
    """Twins at low power beside spread ones: what is usual there weighs more than their one difference."""
    own = np.array([0.0, 0.1, 0.12, 0.09, 0.11])
    found = between_trials(own, np.full(5, 2), np.array([150.0, 150, 160, 140, 600]))
    assert found.relative_sd[0] > 0.05
    alike = between_trials(np.zeros(8), np.full(8, 2), np.full(8, 600.0))
    np.testing.assert_allclose(alike.relative_sd, REPEATABILITY)


def test_one_repeated_configuration_rests_on_recorded_runs_too():
    """Two trials 1 % apart at the highest power: one degree of freedom alone would give t = 12.7."""
    found = between_trials(np.array([0.01, np.nan]), np.array([2, 1]), np.array([600.0, 150.0]))
    assert list(found.repeated) == [True, False]
    assert 0.006 < found.relative_sd[0] < 0.013
    assert found.relative_sd[1] > 5 * found.relative_sd[0]
    assert 2 < found.freedom[0] < 10


def test_unknown_power_counts_as_usual():
    own, trials = np.array([0.02, 0.03, np.nan]), np.array([3, 2, 1])
    np.testing.assert_allclose(
        between_trials(own, trials, np.full(3, np.nan)).relative_sd,
        between_trials(own, trials, np.array([0.0, np.nan, 0.0])).relative_sd,
    )
    some = between_trials(own, trials, np.array([100.0, 300.0, np.nan]))
    assert some.relative_sd[2] == pytest.approx(between_trials(own, trials, np.array([100.0, 300, 200])).relative_sd[2])


def test_a_half_width_is_that_of_student():
    """t(freedom) x sd / sqrt(trials), of the mean."""
    found = between_trials(np.full(40, 0.02), np.full(40, 50), np.full(40, 300.0))
    half = found.half_width(np.full(40, 2.0), np.full(40, 4.0))
    np.testing.assert_allclose(half, 1.960 * 0.02 * 2 / 2, rtol=0.01)


@pytest.mark.seconds
@pytest.mark.parametrize("repeated", [2, 5, 10])
def test_intervals_cover_the_truth_of_quiet_and_of_noisy_configurations(repeated):
    """10 quiet ones at 600 W and 10 noisy ones at 150 W, so many of each twice; 200 sweeps."""
    rng = np.random.default_rng(7)
    sd, power = np.repeat([QUIET, NOISY], 10), np.repeat([600.0, 150.0], 10)
    trials = np.where(np.arange(20) % 10 < repeated, 2, 1)
    hits = np.zeros(20)
    for _ in range(200):
        own, mean = spreads(sd, trials, rng)
        hits += np.abs(mean - 1) <= between_trials(own, trials, power).half_width(mean, trials)
    quiet, noisy = hits[:10].mean() / 200, hits[10:].mean() / 200
    assert 0.93 < quiet <= 1
    assert 0.93 < noisy <= 1


@pytest.mark.seconds
def test_without_power_intervals_cover_on_average():
    """Wide for the quiet, narrow for the noisy: a spread that power does not tell apart scatters."""
    rng = np.random.default_rng(7)
    sd, trials = np.repeat([QUIET, NOISY], 10), np.full(20, 2)
    hits = np.zeros(20)
    for _ in range(200):
        own, mean = spreads(sd, trials, rng)
        hits += np.abs(mean - 1) <= between_trials(own, trials, np.full(20, np.nan)).half_width(mean, trials)
    assert 0.9 < hits.mean() / 200 < 0.99
