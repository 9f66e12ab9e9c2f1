"""Selections of rows, and the interval of a share."""

import numpy as np

from analysis.statistics.proportions import wilson


def test_wilson_interval_matches_a_published_value() -> None:
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, score method: 81 of 263 and 15 of 148.
    low, high = wilson(np.array([81 / 263, 15 / 148]), np.array([263.0, 148.0]))
    np.testing.assert_allclose(low, [0.2553, 0.0624], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1605], atol=5e-5)
