"""The arithmetic of the endurance benchmark on made-up samples; the run itself takes minutes."""

import os

import numpy as np
import pandas as pd
import pytest

from benchmarks.checks.endurance.growth import by_trial, growth, overhead_s, summarise
from benchmarks.checks.endurance.watch import PROCESSES, _descends, memory_kib


def made_up(kib_per_trial=10.0, trials=400):
    """Trials of 0.9 s, one begun a second; the driver grows, the others do not."""
    rows = pd.DataFrame({"started_at": np.arange(trials, dtype=float), "trial_s": 0.9})
    samples = [
        {"time_s": t + 0.5} | dict.fromkeys(PROCESSES, 1000.0) | {"driver": 5000.0 + kib_per_trial * t}
        for t in range(-5, trials + 5)
    ]
    return rows, by_trial(samples, rows)


def test_growth_is_the_slope_over_trials_that_have_ended():
    _, memory = made_up()
    assert memory["trial"][0] == 1
    assert memory["trial"][-1] == 399
    slope, half_width = growth(memory["trial"], memory["driver"])
    assert slope == pytest.approx(10.0)
    assert half_width == pytest.approx(0.0, abs=1e-6)
    assert growth(memory["trial"], memory["GCS"])[0] == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(growth(memory["trial"][:110], memory["driver"][:110])[0]), "ten samples are no slope"


def test_overhead_and_bars():
    rows, memory = made_up()
    gaps = overhead_s(rows.sample(frac=1, random_state=0))
    np.testing.assert_allclose(gaps, 0.1)
    payload, bars = summarise(memory, gaps)
    assert payload["trials"] == 400
    assert [bar.met for bar in bars] == [True, True, True]
    gaps[-100:] *= 2
    assert [bar.met for bar in summarise(made_up(200.0)[1], gaps)[1]] == [False, True, False]


def test_only_what_the_run_started_is_counted():
    assert _descends(3, 1, {3: 2, 2: 1, 1: 0})
    assert not _descends(3, 4, {3: 2, 2: 1, 1: 0})
    assert set(memory_kib(os.getpid())) == set(PROCESSES)
