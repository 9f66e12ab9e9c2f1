"""What may be averaged: fine-tunings of one recipe on one data set, whatever their names; nothing else."""

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.findings.assessment import assessments
from analysis.findings.configurations import configurations
from tests.make.rows import frame, row, write_trial

OTHER = {"recipe_digest": "another", "data_digest": "other examples"}


@pytest.mark.parametrize("column", OTHER)
def test_two_models_of_one_name_are_two_configurations(column):
    table = configurations(frame([row(energy=0.1), row(energy=0.3, replicate=1, **{column: OTHER[column]})]))
    assert list(table["energy_j_per_example"]) == [0.1, 0.3]
    assert list(table["n_trials"]) == [1, 1]
    word = column.removesuffix("_digest")
    names = [f"fp32, 128 tokens, {word} {value[:6]}" for value in (row()[column], OTHER[column])]
    assert list(table["configuration"]) == names


@pytest.mark.parametrize("column", OTHER)
def test_one_recommendation_mixes_neither_recipes_nor_data(column):
    rows = [row(128, energy=0.4), row(16, energy=0.1), row(128, energy=0.5, replicate=1, **{column: OTHER[column]})]
    found = assessments(frame(rows), rng=np.random.default_rng(0), bootstrap=False)
    assert [len(one.clean) for one in found] == [2, 1]
    assert [one.heading.rsplit(" · ", 1)[1] for one in found] == [
        f"{column.removesuffix('_digest')} {value[:6]}" for value in (row()[column], OTHER[column])
    ]
    assert len({one.slug for one in found}) == 2


def test_two_runs_of_other_data_stay_apart_in_one_report(tmp_path):
    for name, data, energy, began in (("first", "data", 0.1, 1000.0), ("second", "more data", 0.2, 2000.0)):
        write_trial(tmp_path / name / "ray/measure-0", row(energy=energy, data_digest=data, started_at=began))
    table = configurations(analysis.load(tmp_path / "first", tmp_path / "second"))
    assert list(table["energy_j_per_example"]) == [0.1, 0.2]


def test_seeds_of_one_recipe_are_averaged():
    table = configurations(frame([row(seed=1, energy=0.1), row(seed=2, energy=0.3)]))
    assert table.loc[0, ["energy_j_per_example", "n_seeds"]].tolist() == [pytest.approx(0.2), 2]


def test_a_seed_that_was_fine_tuned_twice_counts_as_two_with_their_spread():
    rows = [
        row(right=800, weights_digest="first"),
        row(right=800, weights_digest="first", replicate=1),
        row(right=810, weights_digest="second", replicate=2),
    ]
    table = configurations(frame(rows))
    assert table.loc[0, "n_seeds"] == 2
    assert table.loc[0, "accuracy"] == pytest.approx(805 / 872)  # not 803.3: each fine-tuning counts once
    assert table.loc[0, "accuracy_between_seed_sd"] == pytest.approx(np.std([800 / 872, 810 / 872], ddof=1))


def test_rows_without_digests_say_so_once(tmp_path):
    old = dict.fromkeys(("weights_digest", "recipe_digest", "data_digest"))
    write_trial(tmp_path / "old/ray/measure-0", row(16, **old))
    write_trial(tmp_path / "old/ray/measure-0", row(128, **old))
    (note,) = analysis.load(tmp_path / "old").attrs["notes"]
    assert note.startswith("old: the rows have no digests of weights, recipe and evaluation data")
    write_trial(tmp_path / "new/ray/measure-0", row(16))
    assert analysis.load(tmp_path / "new").attrs["notes"] == []


def test_within_a_run_that_was_resumed_by_this_version_older_rows_are_of_the_same_model(tmp_path):
    old = dict.fromkeys(("weights_digest", "recipe_digest", "data_digest"))
    write_trial(tmp_path / "run/ray/measure-0", row(16, **old))
    write_trial(tmp_path / "run/ray/measure-1", row(128))
    rows = analysis.load(tmp_path / "run")
    assert rows["recipe_digest"].unique().tolist() == ["recipe"]
    assert rows["weights_digest"].unique().tolist() == ["weights-42"]
    assert rows.attrs["notes"] == []


def test_a_table_of_two_checkpoints_under_one_name_is_not_completed(tmp_path):
    pd.DataFrame([row(16, recipe_digest=None), row(128)]).to_csv(tmp_path / "rows.csv", index=False)
    rows = analysis.load(tmp_path / "rows.csv")
    assert rows["recipe_digest"].isna().tolist() == [True, False]
    (note,) = rows.attrs["notes"]
    assert "1 of 2 rows have no digests" in note
