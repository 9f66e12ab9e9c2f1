"""What differs between an earlier start of a run and this one, and what follows."""

import json
from dataclasses import replace

import pytest

from search_spaces.errors import UsageError
from search_spaces.presets import DEMO, PRESETS
from search_spaces.sweep_config import LEFT_OPEN, Finetuning, MeasuringOptions
from tuner.run.environment import digests
from tuner.run.folder import RunFolder, read_sweep
from tuner.run.resume import changed_conditions, changed_settings, check_settings, keep_settings, record_start

CARD = {"name": "H100", "uuid": "GPU-a", "power_limit_w": 700.0, "driver": "580"}
HERE = {"gpus": [CARD], "cpu": "Xeon", "digests": {"data/dev.tsv": "1"}, "started": "now"}


@pytest.fixture
def folder(tmp_path):
    made = RunFolder.create(tmp_path / "run")
    made.begin(DEMO)
    yield made
    made.close()


def test_changed_settings_are_named_with_both_values():
    other = replace(DEMO, axes=replace(DEMO.axes, depth=None), replicates=3, measuring=MeasuringOptions(warmup_s=1.0))
    changed = changed_settings(DEMO, other)
    assert changed["axes.depth"] == "depth was 1 2 3 4 and is None"
    assert changed["replicates"] == "replicates was 1 and is 3"
    assert changed["measuring.warmup_s"] == "warmup_s was 2.0 and is 1.0"
    assert changed_settings(DEMO, DEMO) == {}


def test_more_of_the_same_is_asked_about_and_other_weights_are_refused():
    more = replace(DEMO, axes=replace(DEMO.axes, max_seq_len=(16,), depth=(1,)))
    with pytest.raises(UsageError, match="give --resume-anyway"):
        check_settings(DEMO, more, anyway=False)
    assert len(check_settings(DEMO, more, anyway=True)) == 2
    for other in (
        replace(DEMO, task="sst2"),
        replace(DEMO, model="bert"),
        replace(DEMO, finetuning=Finetuning(epochs=9)),
        replace(DEMO, checkpoint="x"),
        replace(DEMO, measuring=MeasuringOptions(eval_examples=5)),
    ):
        with pytest.raises(UsageError, match="another run"):
            check_settings(DEMO, other, anyway=True)
    moved = [replace(DEMO, data_dir=d) for d in ("a", "b")]
    assert check_settings(*moved, anyway=False) == [], "the digests of its files say more than its name"


def test_fresh_examples_may_be_given_later_and_not_taken_away():
    with_data = replace(DEMO, confirm_data="new.tsv")
    assert check_settings(DEMO, with_data, anyway=False) == []
    assert check_settings(with_data, replace(DEMO, confirm_data="moved/new.tsv"), anyway=False) == []
    with pytest.raises(UsageError, match=r"confirm_data was new\.tsv and is None"):
        check_settings(with_data, DEMO, anyway=False)
    found = digests(with_data)
    assert found == {}, "no such file"
    before = HERE | {"digests": {"confirm_data": "1"}}
    assert changed_conditions(HERE | {"digests": {}}, before) == []
    assert changed_conditions(before, HERE | {"digests": {"confirm_data": "2"}}) == ["the file confirm_data changed"]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (HERE, []),
        (HERE | {"gpus": [CARD, CARD | {"uuid": "GPU-b"}]}, ["the card H100 GPU-b is another (there: H100 GPU-a)"]),
        (HERE | {"gpus": []}, ["there is no card (there: H100 GPU-a)"]),
        (HERE | {"gpus": [CARD | {"power_limit_w": 300.0}]}, ["power_limit_w of GPU-a was 700.0 and is 300.0"]),
        (HERE | {"digests": {"data/dev.tsv": "2"}}, ["the file data/dev.tsv changed"]),
        (HERE | {"digests": {}}, ["the file data/dev.tsv is gone"]),
        (HERE | {"cpu": "EPYC"}, []),  # a GPU measures
    ],
)
def test_changed_conditions(now, said):
    assert changed_conditions(HERE, now) == said


def test_a_part_of_the_cards_is_no_other_card():
    two = HERE | {"gpus": [CARD, CARD | {"uuid": "GPU-b"}]}
    assert changed_conditions(two, HERE) == []
    without = {"gpus": [], "cpu": "Xeon", "digests": {}}
    assert changed_conditions(without, without | {"cpu": "EPYC"}) == ["the processor was Xeon and is EPYC"]


def test_the_first_start_is_kept_and_later_ones_beside_it(folder):
    assert record_start(folder, HERE, [], None) == frozenset()
    assert record_start(folder, HERE | {"started": "later"}, [], False) == frozenset()
    kept = json.loads((folder.path / "environment.json").read_text())
    assert kept["started"] == "now"
    assert [start["started"] for start in kept["resumed"]] == ["later"]


def test_another_card_is_refused_until_accepted_and_marks_every_later_row(folder):
    record_start(folder, HERE, [], None)
    there = HERE | {"gpus": [CARD | {"uuid": "GPU-b"}]}
    with pytest.raises(UsageError, match=r"the card H100 GPU-b is another .*--resume-anyway"):
        record_start(folder, there, [], False)
    with pytest.raises(UsageError, match=r"start another run$"):
        record_start(folder, there, [], None)
    assert record_start(folder, there, [], True) == {"resumed_anyway"}
    assert record_start(folder, there, [], False) == {"resumed_anyway"}, "accepted once"
    assert record_start(folder, HERE, [], False) == frozenset(), "back where it was started"


def test_changed_settings_mark_every_later_row(folder):
    record_start(folder, HERE, [], None)
    assert record_start(folder, HERE, ["replicates was 1 and is 3"], True) == {"resumed_anyway"}
    assert record_start(folder, HERE, [], False) == {"resumed_anyway"}


def test_changed_settings_replace_the_runs_and_the_older_stay(folder):
    more, most = replace(DEMO, replicates=2), replace(DEMO, replicates=3)
    keep_settings(folder, more)
    keep_settings(folder, most)
    assert read_sweep(folder.path) == most
    assert json.loads((folder.path / "sweep.before-0.json").read_text())["replicates"] == 1
    assert json.loads((folder.path / "sweep.before-1.json").read_text())["replicates"] == 2


BEFORE_544C6FA = MeasuringOptions(warmup_s=0.2, min_window_s=0.1, min_windows=5, min_total_s=0.6, max_measure_s=1.2)


def test_times_that_a_preset_gave_and_now_leaves_open_are_the_same_where_they_settle_to_the_same():
    old = replace(DEMO, measuring=BEFORE_544C6FA)
    assert changed_settings(old, DEMO, {False}) == {}
    assert changed_settings(old, DEMO, set()) == {}, "nothing was measured with either"
    # The same demo where a sensor measures: windows of 0.1 s then, 1 s now.
    sensed = changed_settings(old, DEMO, {True})
    assert sensed["measuring.min_window_s"] == "min_window_s was 0.1 and is 1.0"
    assert set(sensed) == {f"measuring.{name}" for name in LEFT_OPEN} - {"measuring.min_windows"}
    assert changed_settings(old, DEMO, {True, False}) == sensed


@pytest.mark.parametrize("sensed", [{True}, {False}, {True, False}])
def test_a_default_that_is_given_is_no_change_and_another_time_is_one(sensed):
    sst2 = PRESETS["sst2"]
    given = replace(sst2, measuring=MeasuringOptions(warmup_s=2.0, min_windows=5))
    assert changed_settings(sst2, given, sensed) == {}
    longer = replace(sst2, measuring=MeasuringOptions(min_total_s=20))
    assert changed_settings(sst2, longer, sensed) == {
        "measuring.min_total_s": "min_total_s was 5.0 and is 20",
        "measuring.max_measure_s": "max_measure_s was 15.0 and is 20",
    }


def test_what_is_no_time_is_compared_whether_or_not_there_are_rows():
    for other in (MeasuringOptions(short_estimates=True, target_ci=0.1), replace(DEMO.measuring, cpu_threads=1)):
        assert len(changed_settings(DEMO, replace(DEMO, measuring=other), set())) == 1


def test_other_cores_are_refused_and_anyway_marks_the_rows(folder):
    here = HERE | {"gpus": [], "cores": [2], "threads": 2, "python": "3.11.7", "packages": {"torch": "2.13.0"}}
    record_start(folder, here, [], None)
    there = here | {"cores": [1], "threads": 1, "packages": {"torch": "2.14.0"}}
    with pytest.raises(
        UsageError, match=r"cores .* were 2 and are 1; the threads .*; torch was 2.13.0 and is 2.14.0; "
    ):
        record_start(folder, there, [], False)
    assert record_start(folder, there, [], True) == {"resumed_anyway"}
    kept = json.loads((folder.path / "environment.json").read_text())
    assert (kept["cores"], kept["resumed"][0]["cores"], kept["resumed"][0]["threads"]) == ([2], [1], 1)


def test_another_commit_goes_on_with_a_warning_and_each_start_keeps_its_own(folder, capsys):
    record_start(folder, HERE | {"git_commit": "abc"}, [], None)
    assert record_start(folder, HERE | {"git_commit": "def+"}, [], False) == frozenset()
    assert record_start(folder, HERE | {"git_commit": "def+"}, [], False) == frozenset()
    assert capsys.readouterr().out.count("warning: this code was abc and is def+; environment.json keeps which") == 1
    kept = json.loads((folder.path / "environment.json").read_text())
    assert [kept["git_commit"], *(start["git_commit"] for start in kept["resumed"])] == ["abc", "def+", "def+"]
