"""The reasons of a verdict, and the table of a terminal."""

import json
from typing import Any

import pytest

from analysis.findings.claims.check import audit
from analysis.findings.claims.finding import Finding
from analysis.words.claims import as_dict, reasons, text_table


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, ["the rows give 4x, one row each: no interval"]),
        ({"ratio_low": 3.5, "ratio_high": 5.0}, ["the rows give 4x"]),
        ({"measured_ratio": 3.3}, ["the rows give 3.3x, not 4x"]),
        ({"ratio_low": 3.0, "ratio_high": 5.0}, ["the interval 3 to 5x includes values below the claim"]),
        ({"accuracy_change": -0.02}, ["accuracy falls by 2.0 points"]),
        ({"accuracy_change": None}, ["accuracy is unknown"]),
        ({"flags": ("throttled",)}, ["flags throttled"]),
        ({"window_s": None}, ["the lengths of the windows are unknown"]),
        (
            {"window_s": (2.0, 0.5), "measured_ratio": 3.3},
            [
                "the rows give 3.3x, not 4x",
                "and even that is inflated",
                "windows of 0.5 s are shorter than the sensor's 1 s average, which understates their energy",
            ],
        ),
        ({"problem": "no row of sst2"}, ["no row of sst2"]),
    ],
)
def test_why_a_verdict_is_what_it_is(values: dict[str, Any], said: list[str]) -> None:
    known = {"measured_ratio": 4.0, "window_s": (2.0, 2.0), "accuracy_change": 0.0}
    found = Finding("c", "sst2", 4.0, 3.4, True, 0.01, 1.0, **(known | values))
    assert reasons(found) == said
    assert as_dict(found)["reasons"] == said
    json.dumps(as_dict(found), allow_nan=False)


def test_a_loss_in_the_published_rows_is_told() -> None:
    (lost,) = [f for f in audit() if f.task == "sst2" and "fp16 at 16 tokens" in f.claim]
    assert "accuracy falls by 9.7 points" in reasons(lost)
    assert any("shorter than the sensor's 1 s average" in r for r in reasons(lost))
    assert "28.5x" in text_table([lost])


def test_a_table_of_nothing_is_its_head() -> None:
    assert text_table([]).startswith("task")
