"""A saving told: with its interval from fresh trials, or with what stands in the interval's place."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.findings.confirmation import confirmation
from analysis.findings.part import Part
from analysis.findings.recommend import recommend
from analysis.rows.purpose import fresh_rows
from analysis.statistics.fresh import on_fresh_examples
from analysis.words import recommendation as recommendation_words
from analysis.words.confirmation import basis, ratio_words
from analysis.words.confirmation import sentences as confirmation_sentences
from search_spaces.trial_config import CONFIRM
from tests.make.fresh import choice_of
from tests.make.rows import frame, row

ON_THEM = "On 1000 fresh examples of new.tsv (12 left out: in the evaluation set)"
SWEPT = [row(128, energy=0.1), row(48, energy=0.018), row(64, energy=0.0181)]


def sentences(*found):
    """All but the scope (test_scope.py)."""
    answer, _, *rest = recommendation_words.sentences(*found)
    return [answer, *rest]


def confirmed(choice=(0.0201, 0.02, 0.0199), runner_up=(), **values):
    made = {128: (0.101, 0.1, 0.099), 48: choice, 64: runner_up}
    fresh = [
        row(tokens, energy=energy, replicate=i, purpose=CONFIRM, **values)
        for tokens, energies in made.items()
        for i, energy in enumerate(energies)
    ]
    rows = frame([*SWEPT, *fresh])
    choices = [("fabricated", choice_of(runners_up=(64,) if runner_up else ()))]
    return recommend(rows), Part(confirmation(fresh_rows(rows), choices, recommend(rows)))


def test_the_headline_has_the_interval_of_the_fresh_trials():
    first, second, *_ = sentences(*confirmed())
    assert first == (
        "fp32, 48 tokens uses 5x less energy than fp32, 128 tokens (80.0 % saved; 95 % interval 79.6 to 80.4, 3 fresh "
        "trials of each) and its accuracy is not worse by more than 1 point."
    )
    assert second == (
        "The saving is that of fresh trials: 3 of the baseline and 3 of the choice, in turn on GPU-1 after the choice "
        "was fixed, with the weights of seed 42; by the trials that it was chosen on it would be 5.56×."
    )
    assert ratio_words(1, confirmed()[1].value) == "4.90 to 5.10, 95 %, 3 fresh trials of each"


@pytest.mark.parametrize(("trials", "said"), [(1, "one trial"), (3.0, "3 trials")])
def test_without_them_it_says_on_what_it_was_chosen_and_no_interval(trials, said):
    assert basis(trials, None) == f"chosen on {said}, not confirmed"
    rows = [row(length, energy=e, replicate=r) for length, e in ((128, 0.1), (48, 0.02)) for r in range(int(trials))]
    first = sentences(recommend(frame(rows)))[0]
    assert f"(80 % saved, chosen on {said}, not confirmed)" in first
    assert "interval" not in first


def test_why_it_was_not_confirmed_is_said():
    found = recommend(frame(SWEPT))
    assert sentences(found, Part(None, "The confirmation is not whole: 5 of 6."))[1] == (
        "The confirmation is not whole: 5 of 6."
    )
    assert confirmation_sentences(Part(None)) == []


def test_another_device_and_a_cheaper_runner_up_are_said():
    _, part = confirmed(runner_up=(0.0161, 0.016, 0.0159), gpu_uuid="GPU-22222222-3")
    first, last = confirmation_sentences(part)
    assert "in turn on GPU-22222222, another device than the sweep's, after" in first
    assert last.startswith(
        "A runner-up came out cheaper: fp32, 64 tokens, 1.250× (1.234 to 1.266) less than the choice."
    )
    assert "promote it by another fresh set" in last


def test_a_saving_that_the_fresh_trials_leave_open_is_said():
    said = sentences(*confirmed(choice=(0.05, 0.1, 0.15)))
    assert "leave open whether anything is saved" in said[2]


def test_a_promoted_runner_up_is_said():
    found, part = confirmed()
    part = Part(replace(part.value, made=choice_of(replaces=64)))
    assert any(s.startswith("It was a runner-up of the sweep") for s in sentences(found, part))


def test_of_random_weights_the_cheapest_ones_saving_is_told_alike():
    random = {"accuracy": None, "correct_bits": None}
    (sentence,) = sentences(recommend(frame([row(128, **random), row(16, energy=0.01, **random)])))
    assert "needs 10x less energy than fp32, 128 tokens (chosen on one trial, not confirmed)" in sentence


@pytest.mark.parametrize(
    ("lost", "gained", "said", "headline"),
    [
        (
            3,
            2,
            f"{ON_THEM} accuracy is not worse by more than 1 "
            "point, in one comparison, fixed beforehand: it changes by −0.1 points, at worst −0.6 (one-sided 95 %), 3 "
            "became wrong and 2 right.",
            "is not worse by more than 1 point.",
        ),
        (
            20,
            15,
            f"{ON_THEM} it is not shown that accuracy is not "
            "worse by more than 1 point: it changes by −0.5 points, at worst −1.5 (one-sided 95 %), 20 became wrong "
            "and 15 right; 8855 examples would show it in four of five cases.",
            "is not worse by more than 1 point on the sweep's examples, which fresh ones do not confirm.",
        ),
        (
            50,
            5,
            f"{ON_THEM} accuracy is worse by more than 1 "
            "point, so do not rely on the choice: it changes by −4.5 points, at worst −5.8 (one-sided 95 %), 50 became "
            "wrong and 5 right.",
            "is not worse by more than 1 point on the sweep's examples, which fresh ones do not confirm.",
        ),
    ],
)
def test_what_fresh_examples_say_is_one_sentence_and_the_headline_agrees(lost, gained, said, headline):
    found, part = confirmed()
    data = {"file": "new.tsv", "digest": "d", "examples": 1000, "left_out": {"in the evaluation set": 12}}
    bits = np.arange(1000) < 900
    changed = bits.copy()
    changed[:lost], changed[900 : 900 + gained] = False, True
    told = replace(
        part.value,
        made=replace(part.value.made, fresh_data=data),
        accuracy=on_fresh_examples(bits, changed, tolerance=0.01),
    )
    assert confirmation_sentences(Part(told))[1] == said
    assert sentences(found, Part(told))[0].endswith(headline)
