"""A trial that stops after one short window: the probe, the row, and what is left as it was."""

from dataclasses import replace

import numpy as np
import pytest

from search_spaces.goal import ENERGY_BOUND, LATENCY_BOUND, Goal
from search_spaces.prune import PruneRule
from tests.make.meter import ConstantMeter
from tests.make.worker import TRIAL, make_worker
from tests.trainables.test_window import SHORT, Load
from trainables.energy.sampler import Sampler
from trainables.measure import measure_trial
from trainables.measure_trainable import MeasureTrainable
from trainables.rows.columns import COLUMNS
from trainables.window import measure

UNBEATABLE = PruneRule(Goal(), ((-1.1, -9.0),))
BEATEN = PruneRule(Goal(), ((0.0, 0.0),))


def test_a_stopped_load_returns_its_probe():
    load, seen = Load(), []

    def stop(probe):
        seen.append(probe)
        return True

    with Sampler(ConstantMeter(watts=10.0)) as sampler:
        windows = measure(load, load.synchronize, sampler, SHORT, stop)
    assert windows.stopped
    assert len(seen) == 1
    assert len(windows.durations_s) == 1
    assert windows.durations_s[0] >= SHORT.min_window_s
    np.testing.assert_allclose(windows.energies.energy_j, 10.0 * windows.durations_s, rtol=1e-6)


def test_a_probe_that_does_not_stop_counts_as_warm_up():
    load = Load()
    settings = replace(SHORT, warmup_s=0.3)
    with Sampler(ConstantMeter()) as sampler:
        windows = measure(load, load.synchronize, sampler, settings, lambda probe: False)
    assert not windows.stopped
    assert windows.warmup_s >= 0.3
    assert len(windows.durations_s) >= SHORT.min_windows
    assert windows.durations_s.min() >= SHORT.min_window_s


def test_a_hopeless_trial_is_a_pruned_row_with_bounds():
    row = measure_trial(TRIAL, make_worker(), UNBEATABLE)
    assert row["status"] == "pruned"
    assert row["error"].startswith("dominated even at its bounds (accuracy 0.")
    assert {name for name, column in COLUMNS.items() if column.in_full and row[name] is not None} == set()
    assert row["windows"] == 1
    ((_, duration_s, passes, energy_j, *_),) = row["window_table"]
    examples = passes * row["examples_per_pass"]
    assert row[ENERGY_BOUND] == pytest.approx(0.9 * energy_j / examples)
    assert row[LATENCY_BOUND] == pytest.approx(0.9 * 1e3 * duration_s / examples)
    assert row["accuracy"] is not None
    nulls = {name for name in row["null_reasons"].split(";") if name.endswith("unknown")}
    assert not nulls


def test_a_promising_trial_is_measured_as_ever():
    row = measure_trial(TRIAL, make_worker(), BEATEN)
    assert row["status"] == "ok"
    assert row["energy_j_per_example"] > 0
    assert row[ENERGY_BOUND] is None
    assert row["windows"] >= 3


def test_the_rule_comes_with_the_job():
    trainable = MeasureTrainable.__new__(MeasureTrainable)
    trainable.workers = {TRIAL.model: make_worker()}
    trainable.reset_config({"job": TRIAL.to_dict() | {"prune": UNBEATABLE.to_dict()}})
    assert trainable.step()["status"] == "pruned"
    trainable.reset_config({"job": TRIAL.to_dict()})
    assert trainable.step()["status"] == "ok"
