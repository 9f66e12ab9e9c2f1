"""Trials cut to some of their windows, and what the choice then costs, by hand."""

import numpy as np
import pandas as pd
import pytest

from analysis.rows.load import load
from benchmarks.experiments.screening.cut import Recorded, read
from benchmarks.experiments.screening.judge import Judge
from search_spaces.errors import UsageError
from tests.make.runs import table, write_csv_run


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """fp32 and fp16 at 64 and 128 tokens, full depth."""
    return load(write_csv_run(tmp_path_factory.mktemp("screening") / "run", table((64, 128), (12,))))


def windows_of(rows, joules):
    """Of each trial two windows of 1 s and 10 passes, with `joules` of one relative to the other."""
    return {i: np.array([[1.0, 1.0, 10.0], [joules, 1.0, 10.0]]) for i in rows.index}


def test_a_cut_trial_has_the_energy_and_time_of_the_windows_kept(rows):
    recorded = Recorded("run", rows, windows_of(rows, 3.0))
    first, last = (recorded.cut(lambda size, at=at: np.array([at])) for at in (0, 1))
    assert (first["energy_j_per_example"] / rows["energy_j_per_example"]).to_numpy() == pytest.approx(0.5)
    assert (last["energy_j_per_example"] / rows["energy_j_per_example"]).to_numpy() == pytest.approx(1.5)
    assert (last["mean_power_w"] / rows["mean_power_w"]).to_numpy() == pytest.approx(1.5)
    assert last["latency_ms_per_example"].to_numpy() == pytest.approx(rows["latency_ms_per_example"].to_numpy())
    assert first["energy_j_per_example_ci95"].isna().all()  # one window has no interval
    whole = recorded.cut(np.arange)
    assert whole["energy_j_per_example"].to_numpy() == pytest.approx(rows["energy_j_per_example"].to_numpy())


def test_passes_not_seconds_are_what_energy_is_divided_by(rows):
    table_of = {i: np.array([[2.0, 1.0, 20.0], [1.0, 1.0, 5.0]]) for i in rows.index}
    cut = Recorded("run", rows, table_of).cut(lambda size: np.array([0]))
    assert (cut["energy_j_per_example"] / rows["energy_j_per_example"]).to_numpy() == pytest.approx(0.1 / (3 / 25))
    assert (cut["latency_ms_per_example"] / rows["latency_ms_per_example"]).to_numpy() == pytest.approx(
        (1 / 20) / (2 / 25)
    )


def test_what_is_left_of_a_trials_time(rows):
    recorded = Recorded("run", rows.assign(trial_s=[4.0, 4.0, 8.0, 8.0]), windows_of(rows, 1.0))
    assert recorded.time_left(1) == pytest.approx((1 - 4 / 24, np.median([3 / 4, 7 / 8])))
    assert recorded.time_left(2) == (1.0, 1.0)


def test_the_regret_is_the_full_energy_of_the_choice_over_the_answers(rows):
    judge = Judge(rows)
    assert judge.regret(rows) == 0
    by_energy = rows.sort_values("energy_j_per_example")
    best, second = by_energy.index[:2]
    misread = rows.copy()
    misread.loc[best, "energy_j_per_example"] = 1.01 * rows.loc[second, "energy_j_per_example"]
    energies = rows["energy_j_per_example"]
    assert judge.regret(misread) == pytest.approx(energies[second] / energies[best] - 1)
    misread["energy_j_per_example"] = 1.0  # nothing is cheaper than the baseline, which then is the choice
    assert judge.regret(misread) == pytest.approx(energies.max() / energies.min() - 1)


def test_a_run_without_the_windows_of_its_rows_is_refused(rows, tmp_path):
    run = write_csv_run(tmp_path / "run", table((64, 128), (12,)))
    pd.DataFrame(
        {"trial_id": rows["trial_id"][:1], "window": 0, "energy_j": 1.0, "duration_s": 1.0, "passes": 1.0}
    ).to_parquet(run / "windows.parquet")
    with pytest.raises(UsageError, match="must keep the windows of its rows"):
        read(run)
