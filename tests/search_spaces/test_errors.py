"""A mistake is one line that can be read, however long the value is."""

import pytest

from search_spaces.errors import LONGEST, UsageError, check, shown


def test_a_rule_a_value_and_a_remedy() -> None:
    check(True, "a rule", 1, "a remedy")
    with pytest.raises(UsageError, match=r"^depth must be at least 1, but got 0; give more$"):
        check(False, "depth must be at least 1", 0, "give more")


def test_of_a_long_value_the_beginning_is_shown() -> None:
    assert shown("x" * (LONGEST - 2)) == repr("x" * (LONGEST - 2))
    cut = shown("x" * 10_000)
    assert (len(cut), cut[:3], cut[-4:]) == (LONGEST, "'xx", "x...")


def test_line_breaks_stay_within_the_line() -> None:
    with pytest.raises(UsageError) as told:
        check(False, "a text must be one line", "two\nlines", "join them")
    assert "\n" not in str(told.value)
