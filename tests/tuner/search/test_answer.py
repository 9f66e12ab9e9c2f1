"""What a search is for, and when it has waited long enough for it: by hand."""

import numpy as np
import pytest

from search_spaces.goal import Goal
from trainables.rows.bits import encode_bits
from tuner.search.answer import answer_costs, stale
from tuner.search.history import History, outcome_of
from tuner.search.stopping import Stopping

EXAMPLES = 2000
BASELINE = np.arange(EXAMPLES) >= 200  # 90 % right


def row(energy, wrong=0, **more):
    """Answers as the baseline does, but `wrong` examples that it has right."""
    right = BASELINE.copy()
    right[200 : 200 + wrong] = False
    return {
        "status": "ok",
        "accuracy": float(right.mean()),
        "examples": EXAMPLES,
        "correct_bits": encode_bits(right),
        "energy_j_per_example": energy,
        "trial_s": 10.0,
    } | more


def history(*rows, goal=None, starts=1):
    """Of rows in their order, the first of which is the baseline; as many as `starts` are start points."""
    found = History(goal or Goal(), "0")
    for i, each in enumerate(rows):
        found.add(outcome_of(found.goal, each, str(i), i < starts))
    return found


def test_answers_are_the_baseline_and_what_is_cheaper_and_not_worse():
    """Of 2,000 examples 30 lost are 1.5 points, surely not within one; 2 are a tenth. What is dearer is no answer."""
    found = history(row(1.0), row(0.5, wrong=2), row(0.1, wrong=30), row(1.5), row(0.2, status="failed"))
    assert list(answer_costs(found)) == [1.0, 0.5, np.inf, np.inf, np.inf]


def test_the_test_is_the_reports_corrected_for_all_that_were_compared():
    """9 lost of 2,000 (p 0.0067) pass alone and beside copies of themselves, but not among twelve different ones."""
    lost = 9
    alone = history(row(1.0), row(0.5, wrong=lost))
    assert answer_costs(alone)[1] == 0.5
    copies = history(row(1.0), *(row(0.5 + i / 100, wrong=lost) for i in range(12)))
    assert np.isfinite(answer_costs(copies)).all()
    different = []
    for i in range(12):
        right = BASELINE.copy()
        right[200 + 40 * i : 200 + 40 * i + lost] = False
        different.append(row(0.5 + i / 100, wrong=lost, correct_bits=encode_bits(right)))
    assert np.isinf(answer_costs(history(row(1.0), *different))[1:]).all()


def test_without_predictions_the_counts_are_compared():
    """Unpaired, equal counts of 2,000 examples do not show that the loss is below a point; of 20,000 they do."""
    few, many = (
        [row(e, correct_bits=None, examples=examples) for e in (1.0, 0.5)] for examples in (EXAMPLES, 10 * EXAMPLES)
    )
    assert list(answer_costs(history(*few))) == [1.0, np.inf]
    assert list(answer_costs(history(*many))) == [1.0, 0.5]


def test_with_a_least_accuracy_that_is_what_counts():
    limited = Goal(min_accuracy=0.88)
    found = history(row(1.0), row(0.5, wrong=30), row(0.1, wrong=90), goal=limited)
    assert list(answer_costs(found)) == [1.0, 0.5, np.inf]


def test_the_first_objective_that_is_no_score_is_what_an_answer_costs():
    goal = Goal(("accuracy", "latency_ms_per_example"))
    found = history(row(1.0, latency_ms_per_example=3.0), row(2.0, wrong=1, latency_ms_per_example=2.0), goal=goal)
    assert list(answer_costs(found)) == [3.0, 2.0]
    errors = history(row(1.0), row(2.0, wrong=20), goal=Goal(("accuracy",)))
    assert list(answer_costs(errors)) == pytest.approx([0.1, 0.11])


def test_without_its_baseline_nothing_is_an_answer():
    found = history(row(None, status="oom"), row(0.5), row(0.4))
    assert np.isinf(answer_costs(found)).all()
    assert stale(found, 2)


def test_patience_waits_for_a_cheaper_answer_not_for_the_frontier():
    base, cheap = row(1.0), row(0.5, wrong=1)
    assert not stale(history(base, cheap, row(0.45, wrong=400)), 3)  # two trials after the start points
    # cheaper and worse: the frontier grows, the answer does not
    growing = history(base, cheap, *(row(0.4 - i / 20, wrong=15 + i) for i in range(3)))
    assert growing.volumes[-1] > growing.volumes[-2] > growing.volumes[-3]
    assert stale(growing, 3)
    assert not stale(growing, 4)  # cheap was the first of these
    assert not stale(history(base, cheap, row(0.4, wrong=300), row(0.494), row(0.3, wrong=300)), 3)
    assert stale(history(base, cheap, row(0.4, wrong=300), row(0.496), row(0.3, wrong=300)), 3)  # 0.8 % cheaper


def test_start_points_and_what_is_imported_are_no_trials_of_the_patience():
    found = history(row(1.0), row(0.5), row(0.6), starts=3)
    found.add(outcome_of(Goal(), row(0.7), "imported", False, imported=True))
    assert not stale(found, 1)
    found.add(outcome_of(Goal(), row(0.7), "own", False))
    assert stale(found, 1)


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        (Goal(), "at least 1 % less energy that is not worse than the baseline (--patience)"),
        (Goal(min_accuracy=0.5), "at least 1 % less energy that keeps the limits (--patience)"),
        (Goal(("accuracy",)), "at least 1 % less error (--patience)"),
    ],
)
def test_a_search_that_ends_by_patience_says_for_what_it_waited(goal, said):
    found = history(row(1.0), row(2.0), row(2.0, wrong=10), goal=goal)
    assert Stopping(patience=3).reason(found, 3, 0.0) is None
    assert Stopping(patience=2).reason(found, 3, 0.0) == f"the last 2 trials found no configuration with {said}"
