"""Ratios of two configurations and what their intervals are."""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.intervals import NONE, OF_OTHERS, REPLICATES, WITHIN, poorer, ratio, ratios


def side(value: float, half: float, kind: str = REPLICATES) -> pd.Series:
    return pd.Series(
        {"energy_j_per_example": value, "energy_j_per_example_ci95": half, "interval_kind": kind}, dtype=object
    )


def test_relative_half_widths_add_in_quadrature_on_the_log():
    """3 % and 4 %: 5 %."""
    found = ratio(side(4.0, 0.12), side(2.0, 0.08))
    assert found.value == 2
    assert (found.low, found.high) == pytest.approx((2 * np.exp(-0.05), 2 * np.exp(0.05)))


@pytest.mark.parametrize(
    ("one", "other", "of_both"),
    [(REPLICATES, OF_OTHERS, OF_OTHERS), (WITHIN, REPLICATES, WITHIN), (REPLICATES, REPLICATES, REPLICATES)],
)
def test_a_ratio_is_known_as_its_poorer_side(one, other, of_both):
    assert ratio(side(4.0, 0.1, one), side(2.0, 0.1, other)).kind == of_both
    assert poorer(other, one) == of_both


def test_an_interval_of_everything_is_none():
    found = ratio(side(4.0, np.nan), side(2.0, 0.1))
    assert (found.kind, np.isnan(found.low)) == (NONE, True)
    _, low, high = ratios(side(1.0, 60.0), side(1.0, 0.0))
    assert np.isnan([low, high]).all()
