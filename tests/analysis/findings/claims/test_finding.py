"""The verdict that the numbers of a finding allow."""

from typing import Any

import pytest

from analysis.findings.claims.finding import Finding


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({}, "holds"),
        ({"measured_ratio": 3.3}, "does not hold"),
        ({"ratio_low": 3.0, "ratio_high": 5.0}, "cannot be told"),
        ({"ratio_low": 3.5, "ratio_high": 5.0}, "holds"),
        ({"accuracy_change": -0.02}, "does not hold"),
        ({"accuracy_change": -0.01}, "holds"),
        ({"accuracy_change": None}, "cannot be told"),
        ({"accuracy_change": None, "accuracy_unchanged": False}, "holds"),
        ({"window_s": (2.0, 0.5)}, "cannot be told"),  # the ratio is inflated: one large enough proves nothing
        ({"window_s": (2.0, 0.5), "measured_ratio": 3.3}, "does not hold"),  # and one too small is enough
        ({"window_s": (0.5, 2.0), "measured_ratio": 3.3}, "cannot be told"),  # deflated
        ({"window_s": None, "measured_ratio": 3.3}, "cannot be told"),
        ({"flags": ("throttled",)}, "cannot be told"),
        ({"problem": "no row of sst2"}, "cannot be told"),
    ],
)
def test_the_verdict_follows_from_the_numbers(values: dict[str, Any], verdict: str) -> None:
    """A claim of 4x, met from 3.4x on."""
    unchanged = values.pop("accuracy_unchanged", True)
    known = {"measured_ratio": 4.0, "window_s": (2.0, 2.0), "accuracy_change": 0.0}
    assert Finding("c", "sst2", 4.0, 3.4, unchanged, 0.01, 1.0, **(known | values)).verdict == verdict
