"""A measurement that is given twice counts once, and is told; two results of one measurement are refused."""

import os
import shutil

import pandas as pd
import pytest

import analysis
from analysis.findings.configurations import configurations
from search_spaces.errors import UsageError
from tests.make.rows import row, write_trial


def run_of(folder, *rows):
    for each in rows:
        write_trial(folder / "ray/measure-0", each)
    return folder


def table_of(file, *rows):
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


ROWS = (row(16, energy=0.02), row(128, energy=0.4, started_at=2000.0))


def test_a_backup_beside_its_run_counts_once(tmp_path):
    run = run_of(tmp_path / "run", *ROWS)
    shutil.copytree(run, tmp_path / "backup")
    rows = analysis.load(run, tmp_path / "backup")
    assert list(rows["run"]) == ["run", "run"]
    assert rows.attrs["notes"] == ["2 rows are given twice, in run and in backup: each counts once"]
    assert list(configurations(rows)["n_trials"]) == [1, 1]


@pytest.mark.parametrize("digits", [None, "%.15g", "%.9g", "%.6g"])
def test_a_run_and_its_own_table_count_once_whatever_a_spreadsheet_left_of_the_digits(tmp_path, digits):
    run = run_of(tmp_path / "run", *ROWS)
    analysis.load(run).to_csv(tmp_path / "results.csv", index=False, float_format=digits)
    rows = analysis.load(run, tmp_path / "results.csv")
    assert list(rows["energy_j_per_example"]) == [0.02, 0.4]
    assert rows.attrs["notes"] == ["2 rows are given twice, in run and in results.csv: each counts once"]


def test_lines_pasted_twice_count_once_with_names_and_without(tmp_path):
    rows = analysis.load(table_of(tmp_path / "named.csv", *ROWS, ROWS[0]))
    assert list(rows["max_seq_len"]) == [16, 128]
    assert rows.attrs["notes"] == ["1 row is given twice, in named.csv: each counts once"]
    bare = [{k: r[k] for k in ("task", "max_seq_len", "depth", "precision", "energy_j_per_example")} for r in ROWS]
    rows = analysis.load(table_of(tmp_path / "bare.csv", *bare, bare[1], bare[1] | {"energy_j_per_example": 0.5}))
    assert list(rows["energy_j_per_example"]) == [0.02, 0.4, 0.5]  # the last is another trial of the configuration
    assert "1 row is given twice, in bare.csv: each counts once" in rows.attrs["notes"]


def test_a_copied_experiment_within_a_run_is_told(tmp_path):
    run = run_of(tmp_path / "run", *ROWS)
    shutil.copytree(run / "ray/measure-0", run / "ray/measure-0 (copy)")
    rows = analysis.load(run)
    assert len(rows) == 2
    assert rows.attrs["notes"] == ["run: 2 rows have the trial of another row of the folder: the newest of each counts"]


def test_trials_of_one_name_measured_at_other_times_or_on_other_cards_all_count(tmp_path):
    again = row(16, energy=0.021, started_at=9000.0)
    elsewhere = row(16, energy=0.03, gpu_uuid="GPU-2")
    processor = row(16, energy=0.04, gpu_uuid=None, gpu_name="Xeon")  # has no UUID
    given = (ROWS[0], again, elsewhere, processor)
    rows = analysis.load(*(run_of(tmp_path / n, r) for n, r in zip("abcd", given, strict=True)))
    assert list(rows["energy_j_per_example"]) == [0.02, 0.021, 0.03, 0.04]
    assert rows.attrs["notes"] == []


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"energy_j_per_example": 0.01}, "energy_j_per_example"),
        ({"accuracy": 0.917}, "accuracy"),
        ({"flags": "power_capped"}, "flags"),
        ({"model": "bert-large"}, "model"),
    ],
)
def test_one_measurement_with_two_results_is_refused(tmp_path, changes, column):
    run = run_of(tmp_path / "run", *ROWS)
    changed = table_of(tmp_path / "results.csv", ROWS[0] | changes)
    with pytest.raises(UsageError, match=f"began once and has another {column} in run .* than in results.csv"):
        analysis.load(run, changed)


def test_without_a_time_of_start_two_results_count_and_are_told(tmp_path):
    first, second = (row(16, energy=e, started_at=None) for e in (0.02, 0.03))
    rows = analysis.load(table_of(tmp_path / "t.csv", first, second))
    assert len(rows) == 2
    assert rows.attrs["notes"][0].startswith("1 rows have the name of another and other numbers")


def test_a_failed_trial_and_its_later_measurement_are_two_rows(tmp_path):
    failed = row(16, energy=None, status="oom", error="80 GiB", latency_ms_per_example=None, started_at=500.0)
    rows = analysis.load(run_of(tmp_path / "old", failed), run_of(tmp_path / "new", ROWS[0]))
    assert list(rows["status"]) == ["oom", "ok"]


def test_anchors_and_windows_of_a_backup_count_once(tmp_path):
    anchor = {"energy_j_per_example": 0.1, "started_at": 5.0}
    for name in ("run", "backup"):
        write_trial(
            tmp_path / name / "ray/measure-0", ROWS[0] | {"anchor": anchor}, windows=[[0.0, 1.0, 2, 20, 19, 0.1]]
        )
    assert len(analysis.load_anchors(tmp_path / "run", tmp_path / "backup")) == 1
    assert len(analysis.load_windows(tmp_path / "run", tmp_path / "backup")) == 1


def kept_folder(tmp_path):
    """A folder kept for the record: its tables, without Ray's files."""
    analysis.write_tables(tmp_path / "kept", analysis.load(run_of(tmp_path / "run", *ROWS)), sources=[])
    return tmp_path / "kept"


@pytest.mark.parametrize("newer", ["results.csv", "results.parquet"])
def test_an_edited_table_is_not_passed_over_for_the_other_format(tmp_path, newer):
    kept = kept_folder(tmp_path)
    assert len(analysis.load(kept)) == 2
    text = (kept / "results.csv").read_text()
    (kept / "results.csv").write_text(text.replace(",0.4,", ",0.3,", 1))
    for age, name in enumerate(sorted(("results.csv", "results.parquet"), key=lambda n: n != newer)):
        os.utime(kept / name, (1e9 - age, 1e9 - age))
    with pytest.raises(UsageError, match=f"row 1 has the energy_j_per_example 0.4 and 0.3; {newer} is newer"):
        analysis.load(kept)
    assert analysis.load(kept / "results.csv")["energy_j_per_example"].to_list() == [0.02, 0.3]
    (kept / "results.parquet").unlink()
    assert analysis.load(kept)["energy_j_per_example"].to_list() == [0.02, 0.3]


def test_a_deleted_line_is_seen_and_lost_digits_are_not(tmp_path):
    kept = kept_folder(tmp_path)
    table = pd.read_csv(kept / "results.csv")
    table.to_csv(kept / "results.csv", index=False, float_format="%.15g")
    assert len(analysis.load(kept)) == 2
    table[:1].to_csv(kept / "results.csv", index=False)
    with pytest.raises(UsageError, match="they hold 2 and 1 rows"):
        analysis.load(kept)
    with analysis.untrusted():  # reads no Parquet at all
        assert len(analysis.load(kept)) == 1
