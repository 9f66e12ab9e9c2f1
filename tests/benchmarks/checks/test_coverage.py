"""The pieces of the coverage check: the choice and the frontier are the project's own, and what is known is found."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.findings.pareto import pareto_set
from analysis.findings.recommend import recommend
from benchmarks.checks.coverage import COVERAGE
from benchmarks.checks.coverage.held_out import ENOUGH, held_out, leave_out
from benchmarks.checks.coverage.simulate import SWEEPS, Cell, all_measured, cell, chosen, fresh, front, frontier_twice
from benchmarks.checks.coverage.truths import Truth, truths
from benchmarks.experiments.replicates.recorded import Repeated
from tests.make.rows import frame, row

LENGTHS = (128, 64, 48, 32, 24, 16)
QUIET = Truth(
    "test",
    np.array([0.1, 0.05, 0.04, 0.03, 0.029, 0.028]),
    np.full(6, 1e-9),
    np.array([0.9, 0.9, 0.89, 0.89, 0.88, 0.8]),
    0,
)


def test_the_choice_is_that_of_the_recommendation():
    means = all_measured(1)(replace(QUIET, spread=np.full(6, 0.3)), 5, np.random.default_rng(1))
    for energies, found in zip(means, chosen(means, 0), strict=True):
        rows = frame([row(length, energy=float(e)) for length, e in zip(LENGTHS, energies, strict=True)])
        cheapest = recommend(rows).choice
        if energies[found] < energies[0]:
            assert cheapest["max_seq_len"] == LENGTHS[found]


def test_the_frontier_is_the_pareto_set():
    means = all_measured(1)(replace(QUIET, spread=np.full(6, 0.3)), 8, np.random.default_rng(2))
    ours = front(means, QUIET.accuracy)
    for energies, found in zip(means, ours, strict=True):
        table = pd.DataFrame({"energy_j_per_example": energies, "accuracy": QUIET.accuracy})
        assert pareto_set(table, ["accuracy", "energy_j_per_example"])["front"].tolist() == found.tolist()
    assert ours.any(axis=1).all()


def test_fresh_trials_are_measured_in_the_order_of_a_run():
    drifting = replace(QUIET, drift=0.05)
    base, choice = np.zeros(1, dtype=int), np.full(1, 5)
    first, second = fresh(drifting, base, choice, np.random.default_rng(0))
    places = [[0, 2, 5], [1, 3, 4]]  # B C B C C B, after a sweep that drifted as much
    for values, energy, at in zip((first, second), (0.1, 0.028), places, strict=True):
        assert values[0] == pytest.approx([energy * (1 + 0.05 * (1 + p / 5)) for p in at])


def test_the_frontier_alone_is_measured_twice():
    apart = np.array([0.1, 0.05, 0.04, 0.03, 0.02, 0.01])
    noisy, sweeps = replace(QUIET, energy=apart, spread=np.full(6, 0.02)), (all_measured(1), frontier_twice)
    once, twice = (sweep(noisy, 4000, np.random.default_rng(3)).std(axis=0) for sweep in sweeps)
    assert twice[[0, 1, 3, 4, 5]] / once[[0, 1, 3, 4, 5]] == pytest.approx(np.full(5, 0.5**0.5), rel=0.05)
    assert twice[2] == pytest.approx(once[2], rel=0.05)  # 0.04 J beside 0.03 J at one accuracy


def test_what_is_known_is_found():
    """Nothing varies: no bias. A choice by luck alone: the sweep's own ratio is biased, the confirmed one is not."""
    assert cell(QUIET, SWEEPS["one trial each"], 100, np.random.default_rng(4)).bias == pytest.approx(0, abs=1e-6)
    luck = replace(QUIET, energy=np.array([1.0] + [0.1] * 5), spread=np.array([0.001] + [0.1] * 5))
    found = cell(luck, SWEEPS["one trial each"], 4000, np.random.default_rng(4))
    assert isinstance(found, Cell)
    assert found.bias_of_the_sweep > 0.1
    assert abs(found.bias) < 0.02
    assert found.held / found.sweeps > 0.92


def test_the_truths_are_those_of_the_recorded_grid():
    found = truths()
    assert [t.name for t in found][1] == "quiet 1.1, noisy 6.4"
    assert {len(t.energy) for t in found} == {32}
    assert {t.baseline for t in found} == {int(np.argmax(found[0].energy))}
    assert found[3].spread.max() == pytest.approx(0.2515, abs=1e-3)


def test_the_bars_decide_the_exit_code(capsys):
    assert COVERAGE.main(["--sweeps", "400"]) == 0
    out = capsys.readouterr().out
    assert out.count("one trial each") == 5
    assert "bar met: share of intervals that hold the truth, worst cell" in out


def recorded(*energy: float, power: float = 600.0) -> Repeated:
    """A configuration's trials; what its windows say is not asked for."""
    none = np.full(len(energy), np.nan)
    return Repeated(np.array(energy), none, none, np.full(len(energy), power))


def test_each_recorded_trial_is_held_out_of_the_interval_of_each_other():
    quiet = [recorded(1.0, 1.001, 0.999), recorded(2.0, 2.002), recorded(3.0, 3.003)]
    held, power = leave_out(quiet)
    assert held.tolist() == [1.0] * (3 * 2 + 2 + 2)
    assert power.tolist() == [600.0] * 10
    held, _ = leave_out([*quiet, recorded(1.0, 10.0)])  # how it differs, the others cannot know
    assert held.tolist()[-2:] == [0.0, 0.0]


def test_recorded_trials_keep_the_bar_in_every_class_that_has_one():
    found = held_out()
    assert [f.power for f in found] == ["below 230 W", "230 to 520 W", "above 520 W"]
    assert sum(f.trials for f in found) == 32 * 6 + 10 * 2 + 2 * 16 * 2
    assert all(f.share >= 0.9 for f in found if f.trials >= ENOUGH)
