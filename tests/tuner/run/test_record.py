"""A folder that tells less than its tables did is not gone on with as if nothing had been measured."""

import json
import shutil

import pandas as pd
import pytest

from search_spaces.errors import UsageError
from search_spaces.presets import DEMO
from tests.make.rows import row, write_trial
from trainables.rows.finished import finished_trials
from tuner.grid import main
from tuner.run.record import GRID, SEARCH, check_kind, check_record, keep_record
from tuner.run.resume import read_environment, sensed_rows


@pytest.fixture
def run(tmp_path):
    """A run of two trials with its table."""
    folder = tmp_path / "run"
    for length in (16, 32):
        write_trial(folder / "ray/measure-0", row(length))
    (folder / "sweep.json").write_text(json.dumps(DEMO.to_dict()))
    (folder / "environment.json").write_text(json.dumps({"started": "2026-11-01"}))
    pd.DataFrame({"trial_id": sorted(finished_trials(folder)), "status": "ok"}).to_csv(
        folder / "results.csv", index=False
    )
    return folder


def resumed(run):
    """The one line that `--resume` ends with."""
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    with pytest.raises(UsageError) as told:
        main(["--resume", str(run), "--dry-run"])
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before
    return str(told.value)


def test_a_whole_run_is_gone_on_with(run):
    check_kind(run, GRID)
    check_record(run)
    keep_record(run)
    assert read_environment(run) == {"started": "2026-11-01"}
    assert {p.name for p in run.iterdir()} == {"ray", "sweep.json", "environment.json", "results.csv"}


@pytest.mark.parametrize("table", ["results.csv", "results.parquet"])
@pytest.mark.parametrize("lost", ["ray", "ray/measure-0"])
def test_tables_that_are_all_that_is_left_are_not_replaced(run, lost, table):
    shutil.rmtree(run / lost)
    (run / "results.csv").rename(run / table)
    said = resumed(run)
    assert f"{run}/ray holds no finished trial, and {table} would be replaced; restore ray/" in said
    assert "\n" not in said


def test_a_table_with_trials_that_are_gone_is_kept_beside_the_new_one(run, capsys):
    (run / "results.parquet").write_bytes(b"columns")
    table = (run / "results.csv").read_text()
    (run / "results.before-0.csv").write_text("an earlier one")
    shutil.rmtree(next((run / "ray/measure-0").iterdir()))
    check_record(run)
    keep_record(run)
    assert (run / "results.before-1.csv").read_text() == table
    assert (run / "results.before-1.parquet").read_bytes() == b"columns"
    assert (run / "results.before-0.csv").read_text() == "an earlier one"
    assert "1 trials of results.csv have no row in" in capsys.readouterr().out


def test_a_table_without_names_of_trials_says_nothing(run):
    (run / "results.csv").write_text("a,b\n1,2\n")
    keep_record(run)
    (run / "results.csv").write_bytes(b"\xff\xfe\x00")
    keep_record(run)
    assert not list(run.glob("*before*"))


@pytest.mark.parametrize("tables", [True, False])
def test_a_missing_environment_counts_as_damaged(run, tables):
    (run / "environment.json").unlink()
    if not tables:
        (run / "results.csv").unlink()
    said = resumed(run)
    assert f"{run}/environment.json is missing; it says where rows were measured: restore it, or start another" in said


def test_a_run_that_was_killed_before_anything_was_started_has_no_environment_yet(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    assert read_environment(run) is None
    (run / "ray").mkdir()
    assert read_environment(run) is None
    (run / "ray/finetune-0/finetune-demo-s1").mkdir(parents=True)
    with pytest.raises(UsageError, match="is missing"):
        read_environment(run)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"started": 3}', "[" * 100_000, "\x00"])
def test_an_environment_that_says_nothing_is_damaged(run, text):
    (run / "environment.json").write_text(text)
    said = resumed(run)
    assert str(run / "environment.json") in said
    assert "restore it, or start another run" in said


@pytest.mark.parametrize("by", ["--resume", "--go-on"])
def test_a_grid_does_not_go_on_with_a_search_nor_a_search_with_a_grid(run, by):
    (run / "search.json").write_text("{}")
    with pytest.raises(UsageError, match=rf"is a search, .*; go on with it by: python -m tuner.search --resume {run}"):
        main([by, *([str(run)] if by == "--resume" else ["--output-dir", str(run)]), "--dry-run"])
    check_kind(run, SEARCH)
    (run / "search.json").unlink()
    with pytest.raises(UsageError, match=rf"go on with it by: python -m tuner.grid --resume {run}"):
        check_kind(run, SEARCH)


def test_rows_say_whether_a_sensor_measured_them(run):
    assert sensed_rows(run / "nowhere") == set()
    assert sensed_rows(run) == {True}
    write_trial(run / "ray/measure-1", row(48, energy_source="estimate"))
    assert sensed_rows(run) == {True, False}
    write_trial(run / "ray/measure-1", row(64, energy_source=None))
    assert sensed_rows(run) == {True, False}
