"""Do tasks agree in a quantity? By hand."""

import math

import pytest

from analysis.findings.agreement import NO_INTERVAL, NOT_POSITIVE, TOO_FEW, TOO_WIDE, Value, agreement
from analysis.findings.verdict import AGREE, CANNOT_TELL, DISAGREE


def value(centre: float, relative_se: float = 0.01, freedom: int = 1000) -> Value:
    half = 1.962 * relative_se * centre
    return Value(centre, centre - half, centre + half, relative_se, freedom)


@pytest.mark.parametrize(
    ("values", "verdict", "percent"),
    [
        ({"a": value(1.0), "b": value(1.02)}, AGREE, 2.0),  # at most 2 + 1.962 x 1.41 = 4.9 %
        ({"a": value(1.0), "b": value(1.2)}, DISAGREE, 20.0),
        ({"a": value(1.0), "b": value(1 / 1.2)}, DISAGREE, 20.0),  # the same in both directions
        ({"a": value(1.0), "b": value(1.09)}, CANNOT_TELL, 9.0),  # up to 12 %
        ({"a": value(1.0), "b": value(1.11)}, CANNOT_TELL, 11.0),  # down to 8 %
        ({"a": value(1.0), "b": value(1.03), "c": value(1.3)}, DISAGREE, 30.0),
        ({"a": value(1.0), "b": value(1.02, float("nan"))}, CANNOT_TELL, 2.0),
        ({"a": value(1.0), "b": value(-1.0)}, CANNOT_TELL, None),
        ({"a": value(1.0)}, CANNOT_TELL, None),
    ],
)
def test_agreement_is_an_equivalence_test(values: dict[str, Value], verdict: str, percent: float | None) -> None:
    found = agreement(values, 0.10)
    assert found.verdict == verdict
    assert found.percent == (None if percent is None else pytest.approx(percent))


def test_the_interval_of_a_ratio_is_students_t() -> None:
    """Standard errors of 3 and 4 %: 5 % together, times t(10; 0.975) = 2.228."""
    found = agreement({"a": value(1.0, 0.03, 20), "b": value(1.0, 0.04, 10)}, 0.10)
    assert found.highest_percent == pytest.approx(100 * (math.exp(2.2281 * 0.05) - 1), rel=1e-4)


def test_a_bound_may_say_nothing() -> None:
    found = agreement({"a": value(1.0, 0.5, 1), "b": value(1.5, 0.5, 1)}, 0.10)
    assert found.highest_percent is not None
    assert found.highest_percent > 1e5
    assert found.reason == TOO_WIDE


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"a": value(1.0), "b": value(1.09)}, TOO_WIDE),
        ({"a": value(1.0), "b": value(1.02, float("nan"))}, NO_INTERVAL),
        ({"a": value(1.0), "b": value(-1.0)}, NOT_POSITIVE),
        ({"a": value(1.0)}, TOO_FEW),
        ({}, TOO_FEW),
        ({"a": value(1.0), "b": value(1.02)}, ""),
    ],
)
def test_why_it_cannot_be_told(values: dict[str, Value], reason: str) -> None:
    found = agreement(values, 0.10)
    assert found.reason == reason
    assert found.not_positive == (("b",) if reason == NOT_POSITIVE else ())
