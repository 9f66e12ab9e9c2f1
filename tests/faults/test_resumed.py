"""Two drivers on one folder; a run that is resumed as it was not started."""

import json
import shutil

import pytest

import analysis
from tests.faults.harness import TIMES, TRIALS, fault, kill, run, start, wait_for, without_tuning

pytestmark = pytest.mark.timeout(900)


def test_a_second_driver_is_refused_and_the_first_goes_on(tmp_path, model):
    folder, marks = tmp_path / "run", tmp_path / "marks"
    slow = fault("measure", "sleep:20", marks, skip=1)
    first = start("--output-dir", str(folder), *without_tuning(model), faults=(slow,))
    wait_for(lambda: len(list(marks.iterdir())) == 2, first)
    code, _, err = run("--resume", str(folder))
    assert code == 2
    assert err.startswith("error: one driver at a time may work in a run folder, but another holds")
    _, err = first.communicate(timeout=240)
    assert first.returncode == 0, err
    assert len(analysis.load(folder)) == TRIALS


@pytest.fixture(scope="module")
def begun(tmp_path_factory, model):
    """A run that was killed after two rows."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    slow = fault("measure", "sleep:60", folder.parent / "marks", skip=2)
    first = start("--output-dir", str(folder), *without_tuning(model), faults=(slow,))
    wait_for(lambda: len(list((folder.parent / "marks").iterdir())) == 3, first)
    kill(first, group=True)
    return folder


@pytest.fixture
def copy(begun, tmp_path):
    return shutil.copytree(begun, tmp_path / "run")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-seq-len", "16", "32"], "max_seq_len was 16 24 and is 16 32; leave these options out, start another"),
        (["--task", "sst2"], "task was demo and is sst2; rows of others are another run"),
        (["--eval-examples", "50"], "eval_examples was 40 and is 50; rows of others are another run"),
        (["--preset", "sst2"], "task was demo and is sst2"),
    ],
)
def test_other_settings_are_named_and_refused(copy, options, said):
    before = (copy / "sweep.json").read_text()
    code, _, err = run("--resume", str(copy), *options)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert (copy / "sweep.json").read_text() == before


def test_another_grid_anyway_marks_its_rows_from_then_on(copy):
    code, _, err = run("--resume", str(copy), "--max-seq-len", "16", "24", "32", "--resume-anyway")
    assert code == 0, err
    found = analysis.load(copy)
    assert len(found) == 9
    marked = found["flags"].str.contains("resumed_anyway")
    assert marked.sum() == 7, "the two rows from before are not"
    environment = json.loads((copy / "environment.json").read_text())
    assert environment["resumed"][0]["settings"] == ["max_seq_len was 16 24 and is 16 24 32"]
    assert json.loads((copy / "sweep.before-0.json").read_text())["axes"]["max_seq_len"] == [16, 24]
    assert run("--resume", str(copy))[0] == 0, "the changed settings are the run's now"


def test_another_processor_is_refused_and_anyway_marks_the_rows(copy):
    file = copy / "environment.json"
    there = json.loads(file.read_text())
    file.write_text(json.dumps(there | {"cpu": "Another CPU"}))
    code, _, err = run("--resume", str(copy))
    assert code == 2
    assert f"the processor was Another CPU and is {there['cpu']}; start another run, or mark the rows" in err
    code, _, err = run("--resume", str(copy), "--resume-anyway")
    assert code == 0, err
    found = analysis.load(copy)
    assert found["flags"].str.contains("resumed_anyway").sum() == TRIALS - 2
    assert len(found) == TRIALS


def test_resuming_options_need_a_run():
    code, _, err = run("--resume-anyway", *TIMES)
    assert code == 2
    assert "--resume-anyway goes with --resume" in err
