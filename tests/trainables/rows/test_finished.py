"""Which trials of a run folder have a row, and which row files are damaged."""

from tests.make.rows import row, write_trial
from trainables.rows.file import ROW_FILE, seal
from trainables.rows.finished import damaged_trials, finished_trials, stored_row, trial_id_of


def test_finished_trials_are_those_with_a_row(tmp_path):
    assert finished_trials(tmp_path) == {}
    experiment = tmp_path / "ray/measure-0"
    write_trial(experiment, row(16))
    write_trial(experiment, row(24, status="oom", energy=None))
    write_trial(experiment, None, config=row(32), error="RuntimeError: gone")
    assert sorted(finished_trials(tmp_path).values()) == ["ok", "oom"]


def test_a_sealed_row_wins_and_a_damaged_one_is_named_and_not_finished(tmp_path):
    experiment = tmp_path / "ray/measure-0"
    for length in (16, 24):
        write_trial(experiment, row(length, energy=0.1))
    first, second = sorted(experiment.iterdir())
    (first / ROW_FILE).write_text(seal(row(16, energy=0.2)))
    (second / ROW_FILE).write_text(seal({"no": "row"}))
    assert stored_row(first)[0]["energy_j_per_example"] == 0.2
    assert finished_trials(tmp_path) == {row(16)["trial_id"]: "ok"}
    assert damaged_trials(tmp_path) == {f"measure-0/{second.name}": "row.json holds no row"}


def test_a_row_that_no_trial_could_have_written_is_damaged(tmp_path):
    write_trial(tmp_path / "ray/measure-0", row(16) | {"depth": 1.5})
    (damage,) = damaged_trials(tmp_path).values()
    assert damage == "depth must be a whole number of at least 1 (layers), but is 1.5"


def test_a_trials_name_is_built_again_where_ray_wrote_its_own_over_it():
    known = row(16)
    assert trial_id_of(known | {"trial_id": "ab12_00000"}, "folder") == known["trial_id"]
    assert trial_id_of({"trial_id": "ab12_00000", "depth": 2}, "folder") == "ab12_00000"
    assert trial_id_of({}, "a \udcff folder") == "a ? folder"
