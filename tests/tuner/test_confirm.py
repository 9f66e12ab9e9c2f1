"""Choose, then confirm: the choice is on disk before the first fresh trial, and nothing but a whole set confirms it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.errors import CannotAnswer
from analysis.findings.confirmation import complete_set, confirmation
from analysis.findings.recommend import recommend
from analysis.rows.choices import load_choices
from analysis.rows.load import load
from analysis.rows.purpose import fresh_rows, sweep_rows
from search_spaces.errors import UsageError
from search_spaces.trial_config import CONFIRM
from tests.make.fresh import CONFIG, GRID, FakeDriver, fresh, swept
from tests.make.rows import row, write_trial
from trainables.rows.bits import encode_bits
from trainables.rows.choice import CONFIRMATION_FILE, read_choices
from trainables.worker import FreshData
from tuner import confirm as module
from tuner.confirm import MOST_SETS, confirm, is_being_confirmed
from tuner.fresh_data import ConfirmData


def lengths(names: list[str]) -> list[tuple[int, str]]:
    """ "sst2-...-len48-...-c1" -> (48, "c1")."""
    return [(int(n.split("-len")[1].split("-")[0]), n.rsplit("-", 1)[1]) for n in names]


def found(run: Path):
    rows = load(run)
    return confirmation(fresh_rows(rows), load_choices(run), recommend(rows))


def test_baseline_choice_and_the_runner_up_that_could_win_are_measured_in_turn(tmp_path):
    assert not is_being_confirmed(tmp_path)  # no trial has a row yet
    driver = FakeDriver(swept(tmp_path))
    assert confirm(driver) is True
    assert lengths(driver.measured) == [
        (128, "c0"), (48, "c0"), (64, "c0"), (128, "c1"), (48, "c1"), (64, "c1"), (64, "c2"), (48, "c2"), (128, "c2")
    ]  # fmt: skip
    assert driver.pushed == [CONFIRMATION_FILE]
    assert found(tmp_path).saving.value == pytest.approx(5.0)
    again = FakeDriver(tmp_path)
    assert confirm(again) is True
    assert again.measured == []


def test_the_choice_is_on_disk_before_the_first_fresh_trial_and_a_kill_changes_nothing(tmp_path):
    def until_the_third(trial, number):
        (made,) = read_choices(tmp_path)
        assert (made.choice["max_seq_len"], made.sets) == (48, (0,))
        return fresh(trial) if number < 3 else None

    first = FakeDriver(swept(tmp_path), until_the_third)
    assert confirm(first) is False
    before = (tmp_path / CONFIRMATION_FILE).read_text()
    # what was measured since would choose 64: it must not
    assert is_being_confirmed(tmp_path)  # a search that is resumed does not search on
    second = FakeDriver(tmp_path, lambda trial, number: fresh(trial, 0.5 if trial.max_seq_len == 64 else 1.0))
    assert confirm(second) is True
    assert not is_being_confirmed(tmp_path)
    assert (tmp_path / CONFIRMATION_FILE).read_text() == before
    assert lengths(first.measured + second.measured)[:4] == [(128, "c0"), (48, "c0"), (64, "c0"), (128, "c1")]
    assert len(first.measured + second.measured) == 9
    assert found(tmp_path).choice["max_seq_len"] == 48
    assert found(tmp_path).cheaper.row["max_seq_len"] == 64


def test_a_set_that_is_spread_over_cards_is_measured_again_as_a_whole_and_kept(tmp_path):
    driver = FakeDriver(swept(tmp_path), lambda trial, n: fresh(trial, gpu_uuid="GPU-1" if n < 4 else "GPU-2"))
    assert confirm(driver) is True
    assert len(driver.measured) == 18
    assert {c for _, c in lengths(driver.measured)} == {"c0", "c1", "c2", "c3", "c4", "c5"}
    assert read_choices(tmp_path)[0].sets == (0, 3)
    assert found(tmp_path).device == "GPU-2"
    assert not found(tmp_path).same_device
    assert len(fresh_rows(load(tmp_path))) == 18


def test_a_fresh_trial_that_always_fails_ends_with_a_sentence(tmp_path, capsys):
    def failing(trial, number):
        return fresh(trial, flags="foreign_process") if trial.max_seq_len == 48 else fresh(trial)

    driver = FakeDriver(swept(tmp_path), failing)
    assert confirm(driver) is True
    assert len(driver.measured) == MOST_SETS * 9
    assert not is_being_confirmed(tmp_path)
    assert capsys.readouterr().out.startswith("not confirmed: in each of 3 fresh sets a trial failed")
    with pytest.raises(CannotAnswer, match=r"is not whole: .* measured nothing that counts \(flag foreign_process\)"):
        found(tmp_path)


@pytest.mark.parametrize(
    ("grid", "values", "said"),
    [
        (GRID | {128: (None, 0)}, {}, r"the baseline (fp32, 128 tokens) has no valid measurement (failed: OutOfMem"),
        ({16: (0.01, 600), 128: (0.1, 800)}, {}, "nothing cheaper than the baseline (fp32, 128 tokens) is known"),
        (
            {16: (0.2, 600), 128: (0.1, 800)},
            {"accuracy": None, "correct_bits": None},
            "nothing needs less energy than the baseline",
        ),
        (dict.fromkeys(GRID, (None, 0)), {}, "the baseline (fp32, 128 tokens) has no valid measurement"),
    ],
)
def test_nothing_to_confirm_is_one_sentence(tmp_path, capsys, grid, values, said):
    driver = FakeDriver(swept(tmp_path, grid, **values))
    assert confirm(driver) is True
    assert driver.measured == []
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"not confirmed: {said}")
    assert not (tmp_path / CONFIRMATION_FILE).exists()


def test_without_accuracy_the_cheapest_is_confirmed(tmp_path):
    random = {"accuracy": None, "correct_bits": None}
    driver = FakeDriver(swept(tmp_path, {48: (0.02, 0), 128: (0.1, 0)}, **random), lambda t, n: fresh(t, **random))
    assert confirm(driver) is True
    assert len(driver.measured) == 6
    assert found(tmp_path).choice["max_seq_len"] == 48


def test_more_sweep_trials_may_choose_anew_and_never_reuse_a_fresh_trial(tmp_path):
    assert confirm(FakeDriver(swept(tmp_path)))
    cheaper = row(32, energy=0.012, right=800)
    write_trial(tmp_path / "ray" / "measure-0", cheaper, name=cheaper["trial_id"])
    driver = FakeDriver(tmp_path, lambda trial, n: row(trial.max_seq_len, replicate=trial.replicate, purpose=CONFIRM))
    assert confirm(driver) is True
    assert [c.choice["max_seq_len"] for c in read_choices(tmp_path)] == [48, 32]
    assert {c for _, c in lengths(driver.measured)} == {"c3", "c4", "c5"}
    assert {length for length, _ in lengths(driver.measured)} == {128, 32}


def test_more_sweep_trials_that_choose_the_same_keep_its_fresh_trials(tmp_path):
    assert confirm(FakeDriver(swept(tmp_path)))
    dearer = row(96, energy=0.05, right=800)
    write_trial(tmp_path / "ray" / "measure-0", dearer, name=dearer["trial_id"])
    driver = FakeDriver(tmp_path)
    assert confirm(driver) is True
    assert driver.measured == []


def test_a_runner_up_that_came_out_cheaper_is_promoted_by_another_set_alone(tmp_path):
    halved = lambda trial, number: fresh(trial, 0.9 if trial.max_seq_len == 64 else 1.0)  # noqa: E731
    assert confirm(FakeDriver(swept(tmp_path), halved))
    assert (found(tmp_path).choice["max_seq_len"], found(tmp_path).cheaper.row["max_seq_len"]) == (48, 64)
    stopped = FakeDriver(tmp_path, lambda trial, n: fresh(trial) if n < 2 else None)
    assert confirm(stopped, promote=True) is False
    assert found(tmp_path).choice["max_seq_len"] == 48  # until the set is whole
    driver = FakeDriver(tmp_path, halved)
    assert confirm(driver) is True  # a plain --resume goes on with it
    assert lengths(stopped.measured + driver.measured) == [
        (128, "c3"), (64, "c3"), (128, "c4"), (64, "c4"), (64, "c5"), (128, "c5")
    ]  # fmt: skip
    assert found(tmp_path).choice["max_seq_len"] == 64
    with pytest.raises(UsageError, match="--promote needs a runner-up"):
        confirm(FakeDriver(tmp_path), promote=True)


def test_another_kind_of_card_confirms_nothing(tmp_path, capsys, monkeypatch):
    there = [{"gpus": [{"name": "A100", "uuid": "GPU-9"}]}]
    monkeypatch.setattr(module, "describe_machines", lambda devices: there)
    driver = FakeDriver(swept(tmp_path))
    assert confirm(driver) is True
    assert driver.measured == []
    assert "the sweep ran on H100 and here is A100" in capsys.readouterr().out


def test_several_seeds_are_confirmed_with_the_first_ones_weights(tmp_path):
    swept(tmp_path)
    for tokens, (energy, right) in GRID.items():
        trial = row(tokens, energy=energy, right=right, seed=7)
        write_trial(tmp_path / "ray" / "measure-0", trial, name=trial["trial_id"])
    driver = FakeDriver(tmp_path)
    driver.config = replace(CONFIG, seeds=(7, 42))
    assert confirm(driver) is True
    assert all("-s7-" in name for name in driver.measured)
    assert found(tmp_path).seed == 7


def test_a_damaged_file_is_refused_by_name(tmp_path):
    (tmp_path / CONFIRMATION_FILE).write_text(json.dumps({"choices": [{"choice": 1}]}))
    with pytest.raises(UsageError, match=r"confirmation\.json must say what was chosen before the fresh trials"):
        confirm(FakeDriver(swept(tmp_path)))


def test_fresh_trials_change_nothing_that_is_found_of_the_sweep(tmp_path):
    swept(tmp_path)
    before = recommend(load(tmp_path))
    confirm(FakeDriver(tmp_path, lambda trial, n: fresh(trial, 0.1)))
    after = recommend(load(tmp_path))
    assert len(load(tmp_path)) == 13
    assert len(sweep_rows(load(tmp_path))) == 4
    assert after.saving == before.saving
    assert after.table["n_trials"].tolist() == [1, 1, 1, 1]


def test_only_a_whole_set_on_one_card_counts(tmp_path):
    confirm(FakeDriver(swept(tmp_path)))
    (made,) = read_choices(tmp_path)
    rows = fresh_rows(load(tmp_path))
    assert complete_set(rows, made) is not None
    assert complete_set(rows.iloc[1:], made) is None
    assert complete_set(rows.assign(gpu_uuid=["GPU-1"] * 8 + ["GPU-2"]), made) is None
    assert complete_set(rows.iloc[:0], made) is None


NEW = ConfirmData("new.tsv", FreshData(None, 1000, "d1"), {"in the evaluation set": 12})


def answering(trial, number, lost=3, gained=2, digest="d1"):
    """A fresh trial that has answered 1,000 fresh examples: all but the baseline `lost` wrong, `gained` right."""
    bits = np.arange(1000) < 900
    if trial.max_seq_len != 128:
        bits[:lost], bits[900 : 900 + gained] = False, True
    return fresh(trial, fresh_correct_bits=encode_bits(bits), fresh_examples=1000, fresh_data_digest=digest)


def driver_with_data(run, data=NEW, row_of=answering):
    driver = FakeDriver(run, row_of)
    driver.inputs.fresh = data
    return driver


def test_fresh_examples_are_answered_in_the_fresh_set_and_recorded_with_the_choice(tmp_path):
    assert confirm(driver_with_data(swept(tmp_path)))
    (made,) = read_choices(tmp_path)
    assert made.fresh_data == NEW.record()
    accuracy = found(tmp_path).accuracy
    assert (accuracy.examples, accuracy.lost, accuracy.gained, accuracy.not_worse) == (1000, 3, 2, True)
    assert accuracy.change == pytest.approx(-0.001)


def test_fresh_examples_given_later_take_another_set_and_until_it_is_whole_the_first_counts(tmp_path):
    assert confirm(FakeDriver(swept(tmp_path)))
    assert found(tmp_path).accuracy is None
    assert not is_being_confirmed(tmp_path)
    assert is_being_confirmed(tmp_path, NEW)  # a search that is resumed with them does not search on
    stopped = driver_with_data(tmp_path, row_of=lambda t, n: answering(t, n) if n < 4 else None)
    assert confirm(stopped) is False
    assert (found(tmp_path).accuracy, found(tmp_path).trials) == (None, 3)
    again = driver_with_data(tmp_path)
    assert confirm(again) is True
    assert {c for _, c in lengths(stopped.measured + again.measured)} == {"c3", "c4", "c5"}
    assert found(tmp_path).accuracy.lost == 3
    done = driver_with_data(tmp_path)
    assert confirm(done) is True
    assert done.measured == []


def test_that_nothing_answers_the_fresh_examples_where_nothing_is_chosen_is_said(tmp_path, capsys):
    driver = driver_with_data(swept(tmp_path, {16: (0.01, 600), 128: (0.1, 800)}))
    assert confirm(driver) is True
    assert driver.measured == []
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("not confirmed: nothing cheaper than the baseline (fp32, 128 tokens) is known to keep its")
    assert line.endswith("; so no trial has answered the fresh examples of new.tsv")


def test_trials_that_answered_other_examples_confirm_nothing(tmp_path):
    driver = driver_with_data(swept(tmp_path), row_of=lambda t, n: answering(t, n, digest="d2" if n < 9 else "d1"))
    assert confirm(driver)
    assert len(driver.measured) == 18
    assert read_choices(tmp_path)[0].sets == (0, 3)
