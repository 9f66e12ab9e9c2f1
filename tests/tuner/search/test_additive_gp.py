"""The additive sampler: its kernel by hand, what it learns from single axes, and what it never tries."""

import warnings

import numpy as np
import optuna
import pytest

from search_spaces.search_config import SearchConfig
from search_spaces.search_space import SearchSpace
from tuner.search.additive_gp import Additive, AdditiveSampler
from tuner.search.points import distributions
from tuner.search.sampler import make_sampler

VALUES = ((16, 32, 64, 128), (1, 2, 3), ("fp32", "fp16"), (64,), ("max_length",), ("eager",))
SPACE = SearchSpace("sst2", "m", 42, VALUES)


def study_of(rows, space=SPACE, metrics=("accuracy", "log10 energy_j_per_example")):
    """rows: point -> (accuracy, log10 J)."""
    study = optuna.create_study(directions=["maximize", "minimize"][: len(metrics)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(list(metrics))
    for point, values in rows.items():
        study.add_trial(
            optuna.trial.create_trial(values=values, params=space.params(point), distributions=distributions(space))
        )
    return study


def point(tokens, depth, precision):
    return (tokens, depth, precision, 64, "max_length", "eager")


def propose(study, seed=0, space=SPACE):
    trial = study.ask()
    return space.point(AdditiveSampler(space, seed).sample_relative(study, trial, distributions(space)))


def test_the_kernel_adds_axes_pairs_and_all_by_hand():
    model = object.__new__(Additive)
    model.ordered = np.array([True, False, False])
    theta = np.log([2.0, 0.5, 0.1, 0.01, 0.5])
    a, b = np.array([[0.0, 1.0, 2.0]]), np.array([[0.5, 1.0, 3.0]])
    near = np.exp(-0.5)  # half the range at a length scale of half the range; the second axis agrees, the third differs
    expected = 2.0 * (near + 1 + 0) / 3 + 0.5 * (near * 1) / 3 + 0.1 * 0
    assert model._kernel(a, b, theta)[0, 0] == pytest.approx(expected)
    assert model._kernel(a, a, theta)[0, 0] == pytest.approx(2.6)


def test_effects_of_single_axes_predict_a_combination_never_seen():
    rng = np.random.default_rng(0)
    effect = [rng.normal(size=4) for _ in range(3)]
    at = np.array([[i, j, k] for i in range(4) for j in range(4) for k in range(4)], dtype=float)
    y = np.array([sum(e[int(i)] for e, i in zip(effect, row, strict=True)) for row in at])
    shown = rng.permutation(len(at))[:24]
    rest = np.setdiff1d(np.arange(len(at)), shown)
    mean, deviation = Additive(at[shown], y[shown], np.zeros(3, bool)).predict(at[rest])
    assert np.abs(mean - y[rest]).max() < 0.15 * np.ptp(y)
    assert (np.abs(mean - y[rest]) < 4 * deviation).all()


def test_what_keeps_less_of_a_model_at_chance_is_not_tried_however_cheap():
    rows = {
        point(128, 3, "fp32"): (0.90, -1.0),
        point(16, 3, "fp32"): (0.80, -1.6),
        point(128, 3, "fp16"): (0.90, -1.5),
        point(128, 2, "fp32"): (0.51, -1.2),  # chance: no shorter, shallower or coarser one is better
    }
    assert {propose(study_of(rows), seed)[1] for seed in range(5)} == {3}


def test_it_proposes_nothing_twice_and_ends_with_the_space():
    rows = {p: (0.9 - 0.1 * i / 24, -1.0 - i / 24) for i, p in enumerate(SPACE.points[:-1])}
    assert propose(study_of(rows)) == SPACE.points[-1]


def test_a_sequential_search_repeats():
    rows = {p: (0.9 - 0.01 * i, -1.0 - 0.1 * i) for i, p in enumerate(SPACE.points[:6])}
    assert propose(study_of(rows), 3) == propose(study_of(rows), 3)


def test_a_single_objective_and_a_limit():
    study = optuna.create_study(direction="minimize")
    for i, p in enumerate(SPACE.points[:12]):
        study.add_trial(
            optuna.trial.create_trial(
                values=[-1.0 - 0.1 * i],
                params=SPACE.params(p),
                distributions=distributions(SPACE),
                constraints={"--min-accuracy": -0.1 if p[2] == "fp32" else 0.1},
            )
        )
    sampler = AdditiveSampler(SPACE, 0)
    chosen = SPACE.point(sampler.sample_relative(study, study.ask(), distributions(SPACE)))
    assert chosen in SPACE.points[12:]
    assert chosen[2] == "fp32"


def test_it_is_a_sampler_by_name():
    assert isinstance(make_sampler("additive", SPACE, 0).inner, AdditiveSampler)
    assert SearchConfig(sampler="additive").sampler == "additive"
