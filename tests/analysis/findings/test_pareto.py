import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.errors import CannotAnswer
from analysis.findings.front_probability import front_probability
from analysis.findings.pareto import hypervolume, knee, pareto_set
from search_spaces.errors import UsageError
from tests.make.rows import EXAMPLES, frame, row

PAIR = ["accuracy", "energy_j_per_example"]


def points(*values: tuple[float | None, ...], names=PAIR) -> pd.DataFrame:
    return pd.DataFrame(values, columns=names, dtype=float)


def test_domination_with_ties_by_hand():
    """(0.9, 1) twice: both stay. (0.9, 2) is dominated by them, (0.95, 3) is not, (0.85, 1) is dominated."""
    table = points((0.9, 1.0), (0.9, 1.0), (0.9, 2.0), (0.95, 3.0), (0.85, 1.0))
    assert list(pareto_set(table, PAIR)["front"]) == [True, True, False, True, False]


def test_nulls_are_left_out_and_named():
    found = pareto_set(points((0.9, 1.0), (None, 0.1), (0.99, None), (0.8, 0.0)), PAIR)
    assert list(found["front"]) == [True, False, False, False]
    assert list(found["not_compared"]) == [
        "",
        "accuracy is null",
        "energy_j_per_example is null",
        "energy_j_per_example is not above zero",
    ]


def test_three_objectives():
    names = [*PAIR, "latency_ms_per_example"]
    table = points((0.9, 1.0, 5.0), (0.9, 2.0, 4.0), (0.9, 2.0, 6.0), names=names)
    assert list(pareto_set(table, names)["front"]) == [True, True, False]


def test_front_equals_the_definition_on_random_integers():
    rng = np.random.default_rng(0)
    for size in (2, 3):
        names = ["accuracy", "energy_j_per_example", "latency_ms_per_example"][:size]
        values = rng.integers(1, 6, (60, size)).astype(float)
        front = pareto_set(pd.DataFrame(values, columns=names), names)["front"].to_numpy()
        costs = values * ([-1, 1, 1][:size])
        better = (costs[:, None] <= costs[None]).all(2) & (costs[:, None] < costs[None]).any(2)
        assert (front == ~better.any(axis=0)).all()


def test_hypervolume_by_hand():
    """Accuracy 0.9 at 0.1 J and 0.8 at 0.01 J against (0.7, 1 J): 0.2 x 1 + 0.1 x 1 decade = 0.3."""
    found = hypervolume(points((0.9, 0.1), (0.8, 0.01)), PAIR, {"accuracy": 0.7, "energy_j_per_example": 1.0})
    assert found.value == pytest.approx(0.3)
    assert found.log10 == {"accuracy": False, "energy_j_per_example": True}
    assert "reference point accuracy 0.7, energy_j_per_example 1" in found.sentence()
    own = hypervolume(points((0.9, 0.1), (0.8, 0.01)), PAIR)
    assert own.reference == {"accuracy": 0.8, "energy_j_per_example": 0.1}
    assert own.value == pytest.approx(0.0)


def test_knee_is_where_giving_up_more_buys_least():
    table = points((0.90, 1.0), (0.89, 0.1), (0.50, 0.05), (0.40, 0.04))
    assert knee(pareto_set(table, PAIR), PAIR)["accuracy"] == 0.89
    assert knee(points((0.9, 1.0), (0.8, 0.1)), PAIR) is None


def test_refusals_are_sentences():
    with pytest.raises(UsageError, match="two or three different"):
        pareto_set(points((0.9, 1.0)), ["accuracy"])
    with pytest.raises(UsageError, match="an objective must be one of"):
        pareto_set(points((0.9, 1.0)), ["accuracy", "beauty"])
    with pytest.raises(UsageError, match="lacks peak_gpu_memory_mib"):
        pareto_set(points((0.9, 1.0)), ["accuracy", "peak_gpu_memory_mib"])
    with pytest.raises(CannotAnswer, match="no row has all of them"):
        pareto_set(points((None, 1.0)), PAIR)
    with pytest.raises(CannotAnswer, match="several tasks"):
        pareto_set(frame([row(task="sst2"), row(task="qqp")]), PAIR)
    mixed = frame([row(), row(energy_source="estimate", flags="estimated")])
    with pytest.raises(CannotAnswer, match="estimated and measured"):
        pareto_set(mixed, PAIR)


def test_constant_accuracy_leaves_the_cheapest():
    table = points((0.9, 1.0), (0.9, 0.5), (0.9, 0.7))
    assert list(pareto_set(table, PAIR)["front"]) == [False, True, False]


# ---- uncertainty ----


def test_equal_predictions_stay_equal_in_every_resample():
    """Same predictions, energies 10x apart and noise of 1 %: the dearer one is never on the front."""
    rows = [
        row(length, replicate=r, energy=e * (1 + s))
        for length, e in ((16, 0.1), (128, 1.0))
        for r, s in enumerate((-0.01, 0.01))
    ]
    found = front_probability(frame(rows), PAIR, rng=np.random.default_rng(0), resamples=500)
    assert list(found["front_probability"]) == [1.0, 0.0]
    assert not found["indistinguishable"].any()


def test_a_near_tie_in_accuracy_is_marked():
    """The dearer one loses by one example of 872: it is non-dominated in a good part of the resamples."""
    better, worse = np.arange(EXAMPLES) < 800, np.arange(EXAMPLES) < 799
    worse = worse.copy()
    worse[[860, 861, 862]] = True  # wins three others ...
    better = better.copy()
    better[[865, 866, 867]] = True  # ... and loses four
    rows = [row(16, bits=better, energy=0.1), row(128, bits=worse, energy=0.2)]
    found = front_probability(frame(rows), PAIR, rng=np.random.default_rng(0), resamples=2000)
    assert list(found["front"]) == [True, False]
    assert 0.2 < found["front_probability"][1] < 0.5
    assert list(found["indistinguishable"]) == [False, True]
    assert "within single trials only" in found["front_note"][0]


def test_energy_noise_decides_between_equal_accuracies():
    """Equal accuracy, equal true energy: each is the cheaper one half of the time."""
    rows = [row(length, replicate=r, energy=e) for length in (16, 32) for r, e in enumerate((0.098, 0.102))]
    found = front_probability(frame(rows), PAIR, rng=np.random.default_rng(0), resamples=4000)
    assert found["front_probability"].sum() == pytest.approx(1.0, abs=1e-9)
    assert found["front_probability"][0] == pytest.approx(0.5, abs=0.03)


def test_the_same_seed_gives_the_same_answer_and_missing_bits_are_refused():
    rows = frame([row(16, energy=0.1, right=700), row(32, energy=0.2, right=720)])
    first, second = (front_probability(rows, PAIR, rng=np.random.default_rng(3), resamples=300) for _ in range(2))
    assert first["front_probability"].equals(second["front_probability"])
    published = analysis.load("analysis/data/l4_published.csv")
    with pytest.raises(CannotAnswer, match="correct_bits"):
        front_probability(published[published["task"] == "qqp"], PAIR, rng=np.random.default_rng(0))
