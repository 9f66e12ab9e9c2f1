"""Pareto sets, hypervolumes and knees, by hand."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import CannotAnswer
from analysis.findings.pareto import hypervolume, knee, pareto_set
from search_spaces.errors import UsageError
from tests.make.rows import frame, row

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
    assert found.reference == {"accuracy": 0.7, "energy_j_per_example": 1.0}
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
