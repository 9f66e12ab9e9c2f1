"""Where the stable regime ends: by hand."""

from typing import Any

import pytest

from analysis.findings.recommend import recommend
from analysis.findings.regime import regime_ends
from tests.make.rows import frame, row


def judged(right: dict[int, int], precision: str = "fp32", **values: Any) -> list[dict[str, Any]]:
    return [row(length, 12, precision, right=n, **values) for length, n in right.items()]


def test_the_regime_ends_before_the_first_value_that_is_not_known_to_be_kept() -> None:
    """A point is 8.72 of 872 examples. 32 tokens are worse, so 16, though as good as 64, is beyond the end."""
    rows = judged({128: 800, 64: 800, 48: 799, 32: 700, 16: 800}, real_tokens_per_example=25.0)
    rows[2]["real_tokens_per_example"] = 24.0
    answer = recommend(frame(rows))
    (end,) = regime_ends(answer.table, answer.baseline, "max_seq_len")
    assert (end.value, end.precision, end.open) == (48, "fp32", False)
    assert end.beyond is not None
    assert (end.beyond["max_seq_len"], end.beyond["verdict"]) == (32, "worse")
    assert end.tokens_kept == pytest.approx(24 / 25)


def test_a_regime_may_go_on_below_what_was_measured() -> None:
    answer = recommend(frame(judged({128: 800, 64: 800})))
    (end,) = regime_ends(answer.table, answer.baseline, "max_seq_len")
    assert (end.value, end.open) == (64, True)
    assert regime_ends(answer.table, answer.baseline, "depth") == []


def test_a_precision_that_loses_everywhere_has_no_regime() -> None:
    rows = judged({128: 800, 64: 800}) + judged({128: 700, 64: 800}, "fp16", energy=0.05)
    answer = recommend(frame(rows))
    first, second = regime_ends(answer.table, answer.baseline, "max_seq_len")
    assert (first.precision, first.value) == ("fp32", 64)
    assert (second.precision, second.value, second.open) == ("fp16", None, False)
