"""The baseline and the choice on fresh examples: one comparison."""

import numpy as np
import pytest

from analysis.statistics.fresh import on_fresh_examples
from analysis.statistics.paired import paired_differences
from search_spaces.errors import UsageError


def answers(examples: int, gained: int, lost: int) -> tuple[np.ndarray, np.ndarray]:
    """(baseline, choice): of so many, the choice alone is right on the first, the baseline on the next."""
    baseline = np.ones(examples, dtype=bool)
    baseline[:gained] = False
    choice = np.ones(examples, dtype=bool)
    choice[gained : gained + lost] = False
    return baseline, choice


def test_flips_are_counted_and_tested_once():
    found = on_fresh_examples(*answers(2000, 4, 10), tolerance=0.01)
    alone = paired_differences(4, 10, 2000, 0.01)
    assert (found.examples, found.gained, found.lost, found.change) == (2000, 4, 10, -0.003)
    assert (found.low, found.p_worse) == (pytest.approx(alone.low[0]), pytest.approx(alone.p_worse[0]))
    assert found.not_worse
    assert not on_fresh_examples(*answers(400, 1, 3), tolerance=0.01).not_worse


def test_so_many_examples_would_do_in_four_of_five_cases():
    """0.4 % gained and 0.7 % lost: at the number named, four of five fresh sets pass."""
    needed = on_fresh_examples(*answers(1000, 4, 7), tolerance=0.01).examples_needed
    counts = np.random.default_rng(0).multinomial(needed, [0.004, 0.007, 0.989], size=20_000)
    passed = paired_differences(counts[:, 0], counts[:, 1], needed, 0.01).p_worse <= 0.05
    assert 0.77 < passed.mean() < 0.86


def test_no_number_shows_what_is_not_so():
    assert on_fresh_examples(*answers(1000, 0, 10), tolerance=0.01).examples_needed is None
    assert on_fresh_examples(*answers(1000, 0, 0), tolerance=0.01).examples_needed == 268  # z^2 (1 - t) / t


def test_answers_to_different_examples_are_refused():
    with pytest.raises(UsageError, match="the same examples"):
        on_fresh_examples(np.ones(3, dtype=bool), np.ones(4, dtype=bool), 0.01)
    with pytest.raises(UsageError, match="the same examples"):
        on_fresh_examples(np.ones(0, dtype=bool), np.ones(0, dtype=bool), 0.01)
