"""The experiments that print the numbers which comments and docs state: subsets by hand, and the error of 8 bits."""

import numpy as np
import pytest

from benchmarks.experiments.product_error import PRODUCT_ERROR
from benchmarks.experiments.subsets.run import deviations
from tests.make.models import inputs
from trainables.tasks.base import Inputs
from trainables.worker import evenly_spaced


def test_a_subset_is_evenly_spaced_by_length_and_off_by_what_it_leaves_out(rng):
    alone = inputs([10, 50, 20, 40, 30], rng)
    chosen = evenly_spaced(alone, 3)
    assert chosen.tolist() == [0, 1, 4], "of lengths 10, 50, 30: the shortest, the longest and the middle"
    assert evenly_spaced(alone, 5) is None
    assert deviations(alone, chosen) == (0.0, 0.0)
    assert deviations(alone, np.array([0, 1])) == pytest.approx((0.0, 0.0))
    assert deviations(alone, np.array([1, 3])) == pytest.approx((0.5, 0.0))  # 45 tokens against 30
    windows = Inputs(alone.ids, None, np.array([0, 0, 1, 2, 2]), 0)  # 60, 20 and 70 tokens in 2, 1 and 2 windows
    assert deviations(windows, np.array([1])) == pytest.approx((20 / 50 - 1, 1 / (5 / 3) - 1))


def test_the_error_of_a_product_is_that_of_its_format(capsys):
    assert PRODUCT_ERROR.main(["--inputs", "768", "--outputs", "96", "--tokens", "200"]) == 0
    shown = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines()[1:])
    assert float(shown["int8"]) == pytest.approx(0.9, abs=0.05)
    assert float(shown["fp8"]) == pytest.approx(3.7, abs=0.1)
