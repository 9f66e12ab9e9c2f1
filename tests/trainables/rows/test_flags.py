"""Flags: joined in one order, read back, and never dropped in silence."""

import pytest

from search_spaces.errors import UsageError
from search_spaces.sweep_config import Measuring
from trainables.rows.flags import FLAGS, Flag, invalid_among, join_flags, normal_flags, split_flags, why_invalid


def test_flags_are_joined_in_the_order_of_the_registry_and_read_back():
    text = join_flags({"power_capped", "estimated", "foreign_process"})
    assert text == "estimated;foreign_process;power_capped"
    assert split_flags(text) == {"power_capped", "estimated", "foreign_process"}
    assert join_flags(()) == ""
    assert split_flags("") == split_flags(None) == set()


def test_an_unknown_flag_says_what_is_known():
    with pytest.raises(
        UsageError, match=r"a flag must be one of estimated, short_window, .*, but got 'short_windows'; enter it in"
    ):
        join_flags({"estimated", "short_windows"})


def test_a_flag_of_another_version_keeps_the_energy_out_until_it_is_entered(monkeypatch):
    assert split_flags("estimated;of_later") == {"estimated", "of_later"}
    text = "of_later;counter_reset;power_capped;short_window"
    assert invalid_among(text) == ["short_window", "counter_reset", "of_later"]
    assert why_invalid(text) == "flag short_window, counter_reset; unknown flag of_later"
    assert invalid_among(None) == invalid_among("power_capped") == []
    assert why_invalid("power_capped") == ""
    monkeypatch.setitem(FLAGS, "of_later", Flag("of_later", "told to be harmless"))
    assert why_invalid("of_later;power_capped") == ""


@pytest.mark.parametrize(
    "text",
    [
        "Short_Window; FOREIGN_PROCESS",
        "short_window,foreign_process",
        "short window | foreign-process",
        "short_window foreign_process",
        "['foreign_process', 'short_window']",
        ";short_window;;foreign_process ;short_window;",
        "short_window\tforeign_process\n",
        "short_window/foreign_process",
        "short_window\u00a0+ foreign\u00a0process",
    ],
)
def test_a_flag_written_otherwise_is_the_same_flag(text):
    assert normal_flags(text) == "short_window;foreign_process"
    assert why_invalid(text) == "flag short_window, foreign_process"


@pytest.mark.parametrize(
    "text", ["short_windows", "short", "shortwindow:1", "0.0", "none", "short_window=True", "\U0001f525"]
)
def test_what_cannot_be_read_is_an_unknown_flag(text):
    assert why_invalid(text) == f"unknown flag {text.casefold()}"


def test_rules_state_the_limits_that_are_applied():
    assert FLAGS["short_window"].rule == "a window was shorter than 1 s or held fewer than 10 sensor updates"
    assert FLAGS["few_windows"].rule == "fewer than 5 windows, or less than 5 s of windows in all"
    assert FLAGS["temperature_drift"].rule == "the card warmed or cooled by more than 5 C within the windows"
    usual = Measuring()
    assert (usual.min_window_s, usual.min_windows, usual.min_total_s) == (1.0, 5, 5.0)
