"""The recommendation in numbers: the cheapest that is not worse, its saving, its neighbours."""

import numpy as np
import pytest

import analysis
from analysis.errors import CannotAnswer
from analysis.findings.noninferiority import NO_SCORE, SELF
from analysis.findings.recommend import recommend
from search_spaces.errors import UsageError
from tests.make.rows import flipped, frame, losing, row


def test_the_cheapest_that_is_not_worse_is_recommended_with_its_saving():
    rows = [
        row(length, precision=precision, replicate=r, energy=energy * (1 + s), bits=flipped(lost, 0))
        for length, precision, energy, lost in (
            (128, "fp32", 0.4, 0),
            (48, "fp32", 0.16, 0),
            (128, "fp16", 0.08, 1),
            (48, "fp16", 0.02, 1),
            (16, "fp16", 0.01, 60),
        )
        for r, s in enumerate((-0.01, 0.01))
    ]
    found = recommend(frame(rows))
    assert (found.choice["max_seq_len"], found.choice["precision"]) == (48, "fp16")
    assert found.reference is found.choice
    assert (found.cheapest["max_seq_len"], found.tested, found.better) == (16, 4, None)
    assert found.saving.value == pytest.approx(20.0)
    assert found.saving.kind == "replicates"
    # Relative sd 0.01 sqrt(2), two means of two trials: with 5 degrees of freedom t would be 2.57, known exactly 1.96.
    assert 1.96 < np.log(found.saving.high / 20) / (0.01 * 2**0.5) < 2.57
    axes = found.single_axis.set_index("axis")
    assert axes.loc["max_seq_len", "configuration"] == "fp32, 48 tokens"
    assert axes.loc["precision", "configuration"] == "fp16, 128 tokens"
    runners = found.runners_up.set_index("axis")
    assert runners.loc["precision", "configuration"] == "fp32, 48 tokens"
    assert runners.loc["max_seq_len", "configuration"] == "fp16, 128 tokens"
    assert found.to_dict()["choice"]["max_seq_len"] == 48


def test_what_surely_beats_the_baseline_is_known():
    rows = [
        row(128, depth=1, energy=0.1, bits=flipped(0, 0, right=450)),
        row(64, depth=1, energy=0.05, bits=flipped(0, 0, right=450)),
        row(64, depth=12, energy=0.2, bits=flipped(0, 0, right=800)),
    ]
    found = recommend(frame(rows), baseline={"max_seq_len": 128, "depth": 1})
    assert found.choice["max_seq_len"] == 64
    assert found.better["depth"] == 12
    assert found.better["accuracy_difference"] == pytest.approx(350 / 872)


def test_choosing_among_many_is_corrected_for():
    """Three examples of 872 lost pass alone (p = 0.03) but not among eleven that lose others."""
    rows = [row(128, energy=0.4)]
    rows += [row(64, depth=d, energy=0.1 + d / 1000, bits=losing(slice(3 * d, 3 * d + 3))) for d in range(1, 12)]
    found = recommend(frame(rows))
    assert found.choice is None
    assert found.candidate["depth"] == 1
    assert (found.tested, found.hypotheses) == (11, 11)
    passes = recommend(frame([*rows, row(96, energy=0.2)]))
    assert passes.choice["max_seq_len"] == 96  # which answers as the baseline does: p = 0.0015
    assert passes.candidate["depth"] == 1
    same = [row(64, depth=d, energy=0.1 + d / 1000, bits=losing(slice(3))) for d in range(1, 12)]
    alike = recommend(frame([rows[0], *same]))  # one hypothesis
    assert (alike.choice["depth"], alike.candidate, alike.hypotheses) == (1, None, 1)


def test_of_equal_energies_the_one_that_passes_is_recommended():
    rows = [
        row(128, energy=0.4),
        row(48, energy=0.1, bits=losing(slice(3))),
        row(64, energy=0.1, bits=losing(slice(9))),
    ]
    rows += [row(96, energy=0.1), row(32, energy=0.1, bits=losing(slice(4, 8)))]
    assert recommend(frame(rows)).choice["max_seq_len"] == 96


def test_how_many_examples_would_do_is_known():
    """Forty different ones at 872 examples: not even an answer like the baseline's can pass."""
    rows = [row(128, energy=0.4)]
    rows += [
        row(64, depth=d, precision=p, energy=0.1, bits=losing(slice(30 * d, 30 * d + 30 + i)))
        for d in range(1, 13)
        for i, p in enumerate(("fp32", "fp16", "bf16", "tf32"))
    ]
    found = recommend(frame(rows))
    assert (found.choice, found.hypotheses) == (None, 48)
    assert found.examples_needed == 934  # z = 3.0706 of the first in 48: z^2 x 0.99 / 0.01
    assert recommend(frame(rows[:10])).examples_needed < 872


def test_without_bits_fewer_can_be_recommended():
    published = analysis.load("analysis/data/l4_published.csv")
    qqp = published[(published["task"] == "qqp") & (published["sweep"] == "precision_x_seq_len")]
    found = recommend(qqp)
    assert (found.choice["precision"], found.choice["max_seq_len"]) == ("fp16", 48)
    assert found.candidate["max_seq_len"] == 40
    assert found.examples_needed is None
    assert not found.paired
    rows = published[(published["task"] == "sst2") & (published["sweep"] == "precision_x_seq_len")]
    sst2 = recommend(rows)
    assert set(sst2.table["max_seq_len"]) == {64, 96, 128}  # the windows of the others were too short
    assert set(sst2.table["precision"]) == {"fp32"}
    assert sst2.choice is None  # 872 examples without pairs cannot show a single point
    assert sst2.reference is sst2.baseline


def test_what_cannot_be_recommended_says_why():
    with pytest.raises(CannotAnswer, match="several tasks"):
        recommend(frame([row(), row(task="qqp")]))
    with pytest.raises(CannotAnswer, match="none of the 1 trials has a valid energy"):
        recommend(frame([row(flags="short_window")]))
    with pytest.raises(UsageError, match="tolerance"):
        recommend(frame([row()]), tolerance=0)


def test_of_random_weights_nothing_is_recommended():
    random = {"accuracy": None, "correct_bits": None}
    found = recommend(frame([row(128, **random), row(16, energy=0.01, **random)]))
    assert not found.scored
    assert found.choice is None
    assert found.cheapest["max_seq_len"] == 16
    assert list(found.table["compared"]) == [SELF, NO_SCORE]
