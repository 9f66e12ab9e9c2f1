"""The Student-t interval, worked by hand."""

import numpy as np
import pytest

from trainables.rows.interval import half_width, relative_half_width


def test_half_width_worked_by_hand():
    # mean 2, standard deviation 1, t(0.975, 2) = 4.3027: 4.3027 / sqrt(3)
    assert half_width(np.array([1.0, 2.0, 3.0])) == pytest.approx(2.4841, abs=1e-4)
    assert relative_half_width(np.array([1.0, 2.0, 3.0])) == pytest.approx(1.2421, abs=1e-4)
    assert relative_half_width(np.array([1.0])) == float("inf")
