"""Bars: met, missed, not measured, and the exit code."""

import pytest

from benchmarks.lib.bars import Bar, judge, records


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "met"),
    [(0.01, 0.01, False, True), (0.011, 0.01, False, False), (0.9, 0.9, True, True), (0.8, 0.9, True, False)],
)
def test_a_bar_is_met_or_missed(value, limit, at_least, met):
    bar = Bar("x", value, limit, at_least)
    assert bar.met is met
    assert ("MISSED" in str(bar)) is not met


@pytest.mark.parametrize("value", [None, float("nan")])
def test_what_was_not_measured_is_not_met(value):
    assert not Bar("x", value, 1.0).met
    assert not Bar("x", value, 1.0, at_least=True).met


def test_every_bar_is_printed_and_one_miss_is_exit_code_1(capsys):
    good, bad = Bar("a", 1.0, 2.0), Bar("b", 3.0, 2.0)
    assert judge([good]) == judge([]) == 0
    assert judge([bad, good]) == 1
    assert capsys.readouterr().out.count("bar met: a") == 2
    assert [record["met"] for record in records([bad, good])] == [False, True]
