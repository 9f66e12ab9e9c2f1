"""A recommendation told: the answer, its warnings, and the code that runs it."""

import analysis
from analysis.findings.recommend import recommend
from analysis.words import recommendation as recommendation_words
from analysis.words.recommendation import answer
from tests.make.rows import flipped, frame, losing, row


def sentences(*found):
    """All but the scope (test_scope.py)."""
    answer, _, *rest = recommendation_words.sentences(*found)
    return [answer, *rest]


def test_the_answer_is_one_sentence_and_the_rest_follows():
    rows = [
        row(length, precision=precision, replicate=r, energy=energy * (1 + s), bits=flipped(lost, 0))
        for length, precision, energy, lost in ((128, "fp32", 0.4, 0), (48, "fp16", 0.02, 1))
        for r, s in enumerate((-0.01, 0.01))
    ]
    found = recommend(frame(rows))
    said = sentences(found)
    assert said == [
        "fp16, 48 tokens uses 20x less energy than fp32, 128 tokens (95 % saved, chosen on 2 trials, not confirmed) "
        "and its accuracy is not worse by more than 1 point.",
        "Accuracy changes by −0.11 points, at worst −0.51 (one-sided 95 %): of 872 examples 1 became wrong "
        "and 0 right.",
        "Nothing else was compared, so nothing had to be corrected for.",
        "With 872 examples a loss below 0.31 points cannot be ruled out, even where no prediction changes (one-sided "
        "95 %).",
    ]
    assert answer(found) == said[0]


def test_a_tolerance_that_the_examples_cannot_show_is_said():
    rows = frame([row(128, energy=0.4), row(48, energy=0.1)])
    said = sentences(recommend(rows, tolerance=0.001))
    assert said[0] == (
        "Nothing cheaper than the baseline (fp32, 128 tokens) is known to be not worse by more than 0.1 points: stay "
        "with it."
    )
    assert said[-1].startswith("A tolerance of 0.1 points is below that")


def test_a_baseline_that_is_itself_poor_is_pointed_out():
    rows = [
        row(128, depth=1, energy=0.1, bits=flipped(0, 0, right=450)),
        row(64, depth=1, energy=0.05, bits=flipped(0, 0, right=450)),
        row(64, depth=12, energy=0.2, bits=flipped(0, 0, right=800)),
    ]
    said = sentences(recommend(frame(rows), baseline={"max_seq_len": 128, "depth": 1}))
    assert "64 tokens, 1 layer uses 2x less energy" in said[0]
    assert "is itself poor" in said[1]
    assert "64 tokens, 12 layers is better by 40.1 points" in said[1]
    good = [row(128, energy=0.1, bits=flipped(0, 0)), row(64, energy=0.05, bits=flipped(0, 0))]
    assert not any("itself poor" in s for s in sentences(recommend(frame(good))))


def test_having_chosen_among_many_is_said():
    rows = [row(128, energy=0.4)]
    rows += [row(64, depth=d, energy=0.1 + d / 1000, bits=losing(slice(3 * d, 3 * d + 3))) for d in range(1, 12)]
    said = sentences(recommend(frame(rows)))
    assert "corrected for the 11 that were compared: stay with it" in said[0]
    assert said[1] == (
        "fp32, 64 tokens, 1 layer is cheaper than the baseline (the baseline over it: 3.96x, one trial) and would pass "
        "alone, but not corrected for having compared 11 configurations: confirm its accuracy on fresh examples before "
        "relying on it."
    )
    said = sentences(recommend(frame([*rows, row(96, energy=0.2), row(100, energy=0.21)])))
    assert "96 tokens" in said[0]
    assert said[2] == (
        "That is corrected for having compared 12 different predictions among 13 configurations (max-T)."
    )
    assert "is cheaper than fp32, 96 tokens" in said[3]


def test_a_comparison_that_was_bound_to_find_nothing_is_called_so():
    rows = [row(128, energy=0.4)]
    rows += [
        row(64, depth=d, energy=0.1, bits=losing(slice(30 * d, 31 * d + 30)), precision=p)
        for d in range(1, 13)
        for p in ("fp32", "fp16")
    ]
    said = sentences(recommend(frame(rows), tolerance=0.005))
    assert said[1] == (
        "With 872 examples and 12 different predictions compared, not even one that answers all of them as the "
        "baseline does could pass: that takes 1377 examples, or fewer configurations."
    )


def test_what_several_seeds_say_is_about_these_seeds():
    rows = [
        row(length, energy=energy, seed=seed, bits=losing(slice(lost)))
        for seed in (1, 2)
        for length, energy, lost in ((128, 0.4, 0), (48, 0.1, 2 * (seed - 1)))
    ]
    said = sentences(recommend(frame(rows)))
    assert (
        "(means over 2 fine-tunings, whose changes differ by 0.2 points, standard deviation: this is about them"
        in said[1]
    )


def test_an_unpaired_comparison_is_said():
    published = analysis.load("analysis/data/l4_published.csv")
    rows = published[published["sweep"] == "precision_x_seq_len"]
    assert any("unpaired" in s for s in sentences(recommend(rows[rows["task"] == "qqp"])))
    assert "Nothing cheaper" in answer(recommend(rows[rows["task"] == "sst2"]))


def test_of_random_weights_the_cheapest_is_named_and_nothing_is_recommended():
    random = {"accuracy": None, "correct_bits": None}
    (sentence,) = sentences(recommend(frame([row(128, **random), row(16, energy=0.01, **random)])))
    assert "nothing is recommended" in sentence
    assert "needs 10x less energy" in sentence


def test_a_baseline_that_answers_worse_than_one_class_is_told():
    rows = [row(128, energy=0.4, right=300, flags="below_majority"), row(16, energy=0.1, right=300)]
    said = sentences(recommend(frame(rows)))
    assert any(s.startswith("The baseline (fp32, 128 tokens) answers worse than always naming") for s in said)
    rows[0]["flags"] = ""
    assert not any("commonest class" in s for s in sentences(recommend(frame(rows))))
