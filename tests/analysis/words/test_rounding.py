"""Numbers as a reader sees them: rounded to their uncertainty, never a NaN."""

import math

import pytest

from analysis.words.rounding import (
    MISSING,
    format_factor,
    format_interval,
    format_positive,
    format_with_uncertainty,
    times,
    within_factor,
)


@pytest.mark.parametrize(
    ("value", "half_width", "unit", "expected"),
    [
        # The Particle Data Group's own examples, then ours.
        (0.827, 0.119, "", "0.83 ± 0.12"),
        (0.827, 0.367, "", "0.8 ± 0.4"),
        (0.827, 0.97, "", "0.8 ± 1.0"),
        (9.03, 61.0, "mJ", "9 ± 61 mJ"),
        (1.2, 11.0, "", "1 ± 11"),
        (3.0, 29.0, "", "3 ± 29"),
        (0.019312, 0.00123, "J", "0.0193 ± 0.0012 J"),
        (385.2, 12.7, "mJ", "385 ± 13 mJ"),
        (12345.0, 1234.0, "", "12300 ± 1200"),
        (-0.00012, 0.01, "", "0.000 ± 0.010"),
        (0.0, 0.3, "", "0.00 ± 0.30"),
        (3.2e-5, 4e-7, "J", "(3.20 ± 0.04)×10⁻⁵ J"),
        (99.96, None, "", "100"),
        (0.5, 0.0, "", "0.500"),
        (-2.5, None, "", "−2.50"),
        (None, 1.0, "J", MISSING),
        (math.nan, 1.0, "J", MISSING),
        (math.inf, None, "", MISSING),
        (1.5, math.nan, "", "1.50"),
    ],
)
def test_numbers_are_rounded_to_their_uncertainty(
    value: float | None, half_width: float | None, unit: str, expected: str
) -> None:
    assert format_with_uncertainty(value, half_width, unit) == expected


def test_intervals_are_rounded_to_their_width() -> None:
    assert format_interval(2.6131, 2.5531, 2.6812, "×") == "2.61× (2.55 to 2.68)"
    assert format_interval(2.6131, None, None, "×") == "2.61×"
    assert format_interval(2.6131, math.nan, 3.0) == "2.61"
    assert format_interval(6.32, 0.02, 1700.0, "×") == "6× (0 to 1700)"
    assert format_interval(2.0, 1.9999999, 3.0) == "2.000 (2.000 to 3.000)"
    assert format_interval(None, 1.0, 2.0) == MISSING


def test_ratios_of_titles() -> None:
    assert [times(v) for v in (1.956, 12.04, 230.4)] == ["1.96×", "12.0×", "230×"]


@pytest.mark.parametrize(
    ("value", "half", "said"),
    [
        (21.0, 27.0, "21 ×/÷ 3.6"),  # exp(27 / 21)
        (9.0, 63.0, "9.0 ×/÷ 1100"),
        (21.0, 6.9, "21 ± 7"),  # below a third
        (21.0, 7.1, "21 ×/÷ 1.40"),
        (381.0, 2.7, "381.0 ± 2.7"),
        (5.0, None, "5.00"),
        (5.0, math.nan, "5.00"),
        (None, 1.0, MISSING),
    ],
)
def test_what_cannot_be_below_zero_has_no_interval_that_could(value, half, said):
    assert format_positive(value, half) == said


def test_an_interval_of_a_ratio_as_a_factor():
    assert format_factor(6.0, 5.0, 7.2) == "6.0 ×/÷ 1.20"
    assert format_factor(54.3, 53.8, 54.8) == "54.3 ×/÷ 1.009"
    assert format_factor(6.0, None, None) == "6.00"
    assert format_factor(6.0, 0.0, 7.0) == "6.0"
    assert format_factor(None, 1.0, 2.0) == MISSING
    assert [within_factor(f) for f in (1.0123, 1.21, 2.34, 12.3)] == ["×/÷ 1.012", "×/÷ 1.21", "×/÷ 2.3", "×/÷ 12"]
