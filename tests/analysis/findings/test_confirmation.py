"""What fresh trials confirm, by hand-made rows: the ratio, its interval, and what they must not touch."""

import math

import numpy as np
import pytest

from analysis.errors import CannotAnswer
from analysis.findings.assessment import assessments
from analysis.findings.baseline import lost_baseline
from analysis.findings.configurations import valid
from analysis.findings.confirmation import confirmation, overlapping, reference
from analysis.findings.recommend import recommend
from analysis.rows.purpose import fresh_rows, sweep_rows
from search_spaces.trial_config import CONFIRM
from tests.make.fresh import choice_of
from tests.make.rows import frame, row
from tests.make.runs import tuned

SWEPT = [row(128, energy=0.1), row(48, energy=0.018), row(64, energy=0.0181)]
FRESH = {128: (0.1, 0.11, 0.09), 48: (0.02, 0.02, 0.02)}


def rows_of(fresh=FRESH, swept=SWEPT, first=0, **values):
    measured = [
        row(tokens, energy=energy, replicate=first + i, purpose=CONFIRM, **values)
        for tokens, energies in fresh.items()
        for i, energy in enumerate(energies)
    ]
    return frame([*swept, *measured])


def found(rows, *choices):
    made = [("fabricated", choice) for choice in choices or (choice_of(),)]
    return confirmation(fresh_rows(rows), made, recommend(rows))


def test_the_saving_comes_from_the_fresh_trials_alone():
    c = found(rows_of())
    half = 4.302653 * math.sqrt(0.01 / 3)
    assert (c.saving.value, c.saving.low) == pytest.approx((5.0, 5 * math.exp(-half)), rel=1e-6)
    assert c.swept == pytest.approx(0.1 / 0.018)
    assert (c.baseline["energy_j_per_example"], c.choice["energy_j_per_example"]) == pytest.approx((0.1, 0.02))
    assert c.baseline["energy_j_per_example_ci95"] == pytest.approx(4.302653 * 0.01 / 3**0.5)
    assert c.saved_j == pytest.approx((0.08, 4.302653 * 0.01 / 3**0.5))
    assert (c.trials, c.device, c.same_device, c.cheaper) == (3, "GPU-1", True, None)


def test_a_runner_up_that_came_out_cheaper_is_found_and_does_not_become_the_choice():
    rows = rows_of(FRESH | {64: (0.019, 0.019, 0.019)})
    c = found(rows, choice_of(runners_up=(64,)))
    assert c.choice["max_seq_len"] == 48
    assert c.cheaper.row["max_seq_len"] == 64
    assert c.cheaper.saving.value == pytest.approx(0.02 / 0.019)


@pytest.mark.parametrize(
    ("rows", "choices", "message"),
    [
        (rows_of({}), (), "^$"),
        (rows_of(), (), "no confirmation.json beside the rows says which choice"),
        (rows_of(), (choice_of(choice=64),), "^What was confirmed is not this choice"),
        (rows_of({128: FRESH[128], 48: (0.02, 0.02)}), (choice_of(),), "not whole: 5 of 6 fresh trials are there"),
        (rows_of({}), (choice_of(),), "not whole: 0 of 6 fresh trials are there"),
        (rows_of(first=3), (choice_of(),), "not whole"),
        (rows_of(seed=7), (choice_of(),), "not whole"),
        (
            rows_of(FRESH, status="failed", error="OutOfMemoryError: none"),
            (choice_of(),),
            "6 measured nothing that counts .failed: OutOfMemoryError",
        ),
    ],
)
def test_what_is_not_confirmed_is_one_sentence(rows, choices, message):
    with pytest.raises(CannotAnswer, match=message):
        confirmation(fresh_rows(rows), [("fabricated", c) for c in choices], recommend(rows))


def test_the_newest_whole_set_counts():
    later = rows_of({128: (0.2, 0.2, 0.2), 48: (0.02, 0.02, 0.02)}, swept=[], first=3)
    rows = frame([*rows_of().to_dict("records"), *later.to_dict("records")])
    assert found(rows, choice_of(sets=(0, 3))).saving.value == pytest.approx(10.0)
    assert found(rows, choice_of(sets=(0, 3, 6))).saving.value == pytest.approx(10.0)


def test_runs_are_told_apart_by_their_names():
    rows = rows_of()
    rows.loc[fresh_rows(rows).index, "run"] = "another"
    with pytest.raises(CannotAnswer, match="not whole"):
        found(rows)


def test_without_accuracy_the_cheapest_is_what_there_is_to_confirm():
    random = {"accuracy": None, "correct_bits": None}
    rows = rows_of(swept=[row(128, energy=0.1, **random), row(48, energy=0.018, **random)], **random)
    assert reference(recommend(rows))["max_seq_len"] == 48
    assert found(rows).saving.value == pytest.approx(5.0)


def test_a_runner_up_could_win_where_its_interval_reaches_below_the_choices_upper_end():
    apart = [row(64, energy=0.0184, energy_j_per_example_ci95=c) for c in (0.0005, 0.00001)]  # no less than 0.6 %
    for near, expected in zip(apart, ([64], []), strict=True):
        swept = [row(128, energy=0.1), row(48, energy=0.018, energy_j_per_example_ci95=0.00001), near]
        assert overlapping(recommend(frame(swept)))["max_seq_len"].tolist() == expected


def test_fresh_trials_enter_nothing_else():
    rows, swept = rows_of({128: (9.0,) * 3, 48: (9.0,) * 3}), frame(SWEPT)
    assert len(valid(rows)[0]) == 3
    assert valid(rows)[1].empty
    assert recommend(rows).saving == recommend(swept).saving
    with_fresh, without = (
        assessments(r, rng=np.random.default_rng(0), choices=[("fabricated", choice_of())])[0] for r in (rows, swept)
    )
    assert with_fresh.front.value.equals(without.front.value)
    assert with_fresh.table["n_trials"].tolist() == [1, 1, 1]
    assert with_fresh.confirmation.value.saving.value == pytest.approx(1.0)
    assert "not whole" in without.confirmation.problem


def test_the_break_even_comes_from_the_fresh_trials_and_has_no_limits_without_them():
    cost = tuned(16e3, source="nvml_counter")
    with_fresh, without = (
        assessments(rows, rng=np.random.default_rng(0), finetune=cost, choices=[("fabricated", choice_of())])[0]
        for rows in (rows_of(), frame(SWEPT))
    )
    half = 4.302653 * 0.01 / 3**0.5
    assert with_fresh.payback.inferences == pytest.approx(16e3 / 0.08)
    assert (with_fresh.payback.low, with_fresh.payback.high) == pytest.approx(
        (16e3 / (0.08 + half), 16e3 / (0.08 - half))
    )
    assert without.payback.inferences == pytest.approx(16e3 / 0.082)
    assert (without.payback.low, without.payback.high) == (None, None)


def test_a_promoted_choice_replaces_the_sweeps():
    made = choice_of(choice=64, sets=(3,), replaces=48)
    rows = rows_of({128: (0.1,) * 3, 64: (0.01,) * 3}, first=3)
    (assessment,) = assessments(rows, rng=np.random.default_rng(0), choices=[("fabricated", made)])
    assert assessment.recommendation.value.choice["max_seq_len"] == 64
    assert assessment.confirmation.value.saving.value == pytest.approx(10.0)


def test_rows_without_a_purpose_are_a_sweeps_and_an_unknown_one_enters_nothing():
    rows = frame(
        [row(128), row(64) | {"purpose": None}, row(48) | {"purpose": " Sweep"}, row(32) | {"purpose": "later"}]
    )
    assert rows["purpose"].tolist() == ["sweep", "sweep", "sweep", "later"]
    clean, excluded = valid(rows)
    assert clean["max_seq_len"].tolist() == [128, 64, 48]
    assert excluded["reason"].tolist() == ["unknown purpose later"]
    assert len(sweep_rows(rows)) == 4


def test_a_baseline_that_was_asked_for_and_not_measured_is_named():
    lost = row(128, energy=None, status="failed", error="OutOfMemoryError: none")
    assert lost_baseline(frame([lost, row(64)])) == (
        "the baseline (fp32, 128 tokens) has no valid measurement (failed: OutOfMemoryError: none); try --retry-failed"
    )
    assert lost_baseline(frame([lost, row(128, replicate=1), row(64)])) == ""
    assert lost_baseline(frame([row(128), row(64, energy=None, status="failed", error="x")])) == ""
    short = row(128, flags="short_window")  # it would be short again
    assert lost_baseline(frame([short, row(64)])) == (
        "the baseline (fp32, 128 tokens) has no valid measurement (flag short_window)"
    )
    long = lost_baseline(frame([row(128, energy=None, status="failed", error="word\n" * 200), row(64)]))
    assert len(long) < 260
    assert "\n" not in long


def test_a_baseline_that_was_planned_and_has_no_trial_is_named():
    whole = {"model": "bert-base", "precision": "fp32", "max_seq_len": 128, "depth": 12}
    whole |= {"batch_size": 64, "padding": "max_length", "backend": "eager"}
    begun = frame([row(64), row(128, precision="fp16"), row(128, 10)])
    assert lost_baseline(begun) == "", "of the rows alone nobody knows"
    assert lost_baseline(begun, planned=[whole]) == "the baseline (fp32, 128 tokens, 12 layers) has no trial here"
    assert lost_baseline(frame([row(128), row(64)]), planned=[whole]) == ""
    assert lost_baseline(begun, planned=[whole | {"precision": "fp16", "max_seq_len": 64}]) == "", "another is nearer"
