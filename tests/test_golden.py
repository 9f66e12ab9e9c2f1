"""The numbers of known runs (tests/make/golden.py): a change of one is explained, then recorded anew."""

import pytest

from tests.make.golden import RUNS, differences, kept_numbers, numbers_of


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("name", RUNS)
def test_the_numbers_of_a_known_run_are_what_they_were(name, tmp_path):
    found = differences(kept_numbers(name), numbers_of(name, tmp_path), name)
    shown = "\n".join(found[:20])
    assert not found, f"{len(found)} differ; if that is meant: python -m tests.make.golden --record\n{shown}"


def test_a_difference_is_named_and_rounding_is_none():
    was = {"fits": [{"a": 1.234567e-5, "b": None}], "front": "010"}
    assert differences(was, {"fits": [{"a": 1.234568e-5 - 1e-13, "b": None}], "front": "010"}) == []
    assert differences(was, {"fits": [{"a": 1.23458e-5, "b": None}], "front": "010"}) == [
        "/fits/0/a: 1.234567e-05, now 1.23458e-05"
    ]
    assert differences(was, {"fits": [], "front": "011", "more": 1}) == [
        "/fits: 1 values, now 0",
        "/front: 010, now 011",
        "/more: (nothing), now 1",
    ]
