"""Damaged files are found by digest or by reading them, named, and then redone or refused: never read as good.

The study of a search is in tests/tuner/search, the cache of tokens in tests/trainables/tasks.
"""

import json
import shutil

import pytest

import analysis
from tests.faults.harness import DEMO, fault, kill, resume_and_check, rows, run, stamps, start, wait_for

pytestmark = pytest.mark.timeout(900)


def flip(file, at=0.5):
    """Change one byte."""
    content = bytearray(file.read_bytes())
    content[int(len(content) * at)] ^= 0xFF
    file.write_bytes(content)


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def test_a_damaged_checkpoint_of_a_fine_tuning_is_not_gone_on_from(tmp_path):
    folder, marks = tmp_path / "run", tmp_path / "marks"
    slow = fault("finetune", "sleep:60", marks, trial="epoch 1")
    first = start("--output-dir", str(folder), *DEMO, faults=(slow,))
    wait_for(lambda: list(marks.iterdir()), first)
    kill(first, group=True)
    (weights,) = folder.glob("ray/finetune-0/*/checkpoint_*/model.safetensors")
    flip(weights, 0.9)  # among the numbers: every reader would take it
    out = resume_and_check(folder, {})
    assert f"the checkpoint {weights.parent.relative_to(folder)} is not used: model.safetensors does not match" in out
    assert "epoch 1 " in out


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A complete run."""
    folder = tmp_path_factory.mktemp("complete") / "run"
    code, _, err = run("--output-dir", str(folder), *DEMO)
    assert code == 0, err
    return folder


@pytest.fixture
def copy(complete, tmp_path):
    return shutil.copytree(complete, tmp_path / "run")


def test_damaged_rows_are_named_and_measured_again(copy):
    changed, short, *others = sorted(copy.glob("ray/measure-0/*/row.json"))
    changed.write_text(changed.read_text().replace('"status": "ok"', '"status": "OK"'))
    cut(short)
    assert len(analysis.load(copy)) == len(others)
    before = {f.parent.name: stamps(copy)[f.parent.name] for f in others}
    code, out, err = run("--resume", str(copy))
    assert code == 0, err
    assert f"measure-0/{changed.parent.name}: the row file was changed after it was written" in out
    assert f"measure-0/{short.parent.name}: the row file is cut short" in out
    redone = {f.parent.name for f in copy.glob("ray/measure-1/*/row.json")}
    assert redone == {changed.parent.name, short.parent.name}
    for name, stamp in before.items():
        assert stamps(copy)[name] == stamp
    assert len(analysis.load(copy)) == len(others) + 2


def test_a_damaged_model_is_refused_once_rows_were_measured_with_it(copy, complete):
    (model,) = copy.glob("checkpoints/*")
    flip(model / "model.safetensors", 0.9)
    shutil.rmtree(copy / "ray" / "measure-0" / sorted(rows(copy))[0])  # one trial is left to measure
    code, _, err = run("--resume", str(copy))
    assert code == 2
    assert "model.safetensors does not match its digest, and 5 rows were measured with it" in err
    code, out, err = run("--resume", str(copy), "--resume-anyway")
    assert code == 0, err
    assert "it is made again" in out
    (again,) = copy.glob("ray/measure-1/*/row.json")
    assert "resumed_anyway" in json.loads(again.read_text())["row"]["flags"].split(";")


@pytest.mark.parametrize(
    ("name", "message"), [("sweep.json", "must hold the sweep's settings"), ("environment.json", "must hold JSON")]
)
def test_damaged_settings_are_refused_by_name(copy, name, message):
    cut(copy / name)
    code, _, err = run("--resume", str(copy))
    assert code == 2
    assert str(copy / name) in err
    assert message in err
    assert len(err.strip().splitlines()) == 1
