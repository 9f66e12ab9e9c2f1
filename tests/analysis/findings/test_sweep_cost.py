"""What a sweep took: joules worked out by hand, and what of them is unknown."""

import numpy as np
import pandas as pd
import pytest

from analysis.findings.assessment import assessments
from analysis.findings.sweep_cost import sweep_cost
from analysis.words.sweep_cost import sentence
from tests.make.rows import frame, row

TIMES = {"mean_power_w": 300.0, "idle_power_w": 100.0, "warmup_s": 2.0, "total_s": 10.0, "trial_s": 15.0}
ONE_J = 300 * 12 + 100 * 3


def test_a_trial_takes_its_power_under_load_and_the_idle_power_else():
    cost = sweep_cost(frame([row(**TIMES), row(16, **TIMES)]), None, False)
    assert (cost.trials_j, cost.trials, cost.unknown, cost.finetuning_j) == (2 * ONE_J, 2, 0, 0)
    assert cost.inferences(0.1) == pytest.approx(2 * ONE_J / 0.1)
    assert cost.inferences(-0.1) == np.inf


def test_fine_tuning_counts_where_its_energy_is_of_the_same_kind():
    finetune = pd.DataFrame({"train_energy_j": [5000.0, 700.0], "train_energy_source": ["nvml_power", "estimate"]})
    assert sweep_cost(frame([row(**TIMES)]), finetune, False).finetuning_j == 5000


def test_a_trial_without_a_power_is_told_and_a_table_without_any_has_no_cost():
    failed = row(16, energy=None, status="failed", mean_power_w=None)
    cost = sweep_cost(frame([row(**TIMES), failed]), None, False)
    assert (cost.trials, cost.unknown) == (1, 1)
    assert sweep_cost(frame([row(**TIMES | {"mean_power_w": None})]), None, False) is None


def test_it_is_told_with_what_it_pays_for():
    cost = sweep_cost(frame([row(**TIMES), row(16, **TIMES)]), None, False)
    assert sentence(cost, 0.1) == (
        "The sweep itself took about 7.80 kJ (7.80 kJ in 2 trials); the saving has paid for it after 78 thousand "
        "inferences."
    )
    assert sentence(cost, None) == "The sweep itself took about 7.80 kJ (7.80 kJ in 2 trials)."
    assert sentence(None, 0.1) == ""


def test_trials_that_confirm_and_trials_left_out_have_cost_their_joules_too():
    rows = [row(128, energy=0.4, **TIMES), row(16, energy=0.1, **TIMES)]
    rows += [row(16, energy=0.1, replicate=7, purpose="confirm", **TIMES), row(24, flags="counter_reset", **TIMES)]
    (found,) = assessments(frame(rows), rng=np.random.default_rng(0), bootstrap=False)
    assert found.cost.trials_j == 4 * ONE_J
    assert found.saved_j_per_example == pytest.approx(0.3)
