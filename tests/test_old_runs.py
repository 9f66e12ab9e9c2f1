"""Run folders of earlier code, made elsewhere and unfinished: they are read as they were written, and finished.

tests/data/old_runs/grid.tar.xz: two of four trials, then Ctrl-C. search.tar.xz: five trials, then SIGKILL in the sixth.
Both by f04146d (November 2026) in a folder that is gone since, of a BERT of 3,000 weights, `tiny-bert` beside the run;
left out are figures, pages, tables and TensorBoard's events, which are made again. Only commands are used here, and
files that docs name, so that these tests stay as they are when the code moves.
"""

import hashlib
import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "tests" / "data" / "old_runs"
ENERGIES = {  # J per example, to the last digit
    "grid": {
        "demo-tiny-bert-s42-len16-depth1-fp32-b64-max_length-eager-r0": 0.0002925655605916341,
        "demo-tiny-bert-s42-len32-depth1-fp32-b64-max_length-eager-r0": 0.0004758807436224239,
    },
    "search": {
        "demo-tiny-bert-s42-len16-depth1-fp32-b64-max_length-eager-r0": 0.0006544091983695751,
        "demo-tiny-bert-s42-len16-depth2-fp32-b64-max_length-eager-r0": 0.0005874235150240376,
        "demo-tiny-bert-s42-len64-depth1-fp32-b64-max_length-eager-r0": 0.0013812063270348467,
        "demo-tiny-bert-s42-len64-depth2-bf16-b64-max_length-eager-r0": 0.0031732102211538935,
        "demo-tiny-bert-s42-len64-depth2-fp32-b64-max_length-eager-r0": 0.0022183016145833376,
    },
}
UNFINISHED = {
    "demo-tiny-bert-s42-len16-depth2-fp32-b64-max_length-eager-r0",
    "demo-tiny-bert-s42-len32-depth2-fp32-b64-max_length-eager-r0",
}
ELSEWHERE = "Another processor"
REFUSED = (
    f"error: a run goes on with the devices and files it was started with, but the processor was {ELSEWHERE} and is "
)


def unpacked(name: str, folder: Path) -> Path:
    """A kept run, in a folder where it was not made and on a processor it was not measured on; Python and packages are
    those of this machine, whichever they are."""
    with tarfile.open(KEPT / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    run_on(folder / name, ELSEWHERE)
    return folder / name


def run_on(run: Path, processor: str) -> None:
    file = run / "environment.json"
    found = json.loads(file.read_text())
    here = {"python": platform.python_version(), "packages": {name: version_here(name) for name in found["packages"]}}
    file.write_text(json.dumps(found | here | {"cpu": processor}))


def version_here(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def command(run: Path, module: str, *arguments: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a command beside the run; it sees no GPU, as where the run was made."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=run.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    return done.returncode, done.stdout, done.stderr


def digests(run: Path) -> dict[str, str]:
    """What must stay byte for byte: rows and weights."""
    kept = [*run.glob("ray/*/*/row.json"), *run.glob("checkpoints/*/*")]
    return {str(f.relative_to(run)): hashlib.sha256(f.read_bytes()).hexdigest() for f in kept}


def rows_of(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "results.csv", float_precision="round_trip").set_index("trial_id")


def measured_by(run: Path, experiment: str) -> set[str]:
    return {f.parent.name for f in run.glob(f"ray/{experiment}/*/row.json")}


def study_of(run: Path) -> list[tuple[int, str, str]]:
    """(number, configuration, state) of every trial of the study."""
    query = """select number, (select value_json from trial_user_attributes where key = 'configuration'
               and trial_id = trials.trial_id), state from trials order by number"""
    with closing(sqlite3.connect(run / "study.db")) as study:
        return [(n, json.loads(name) if name else "", state) for n, name, state in study.execute(query)]


@pytest.mark.parametrize("name", ENERGIES)
def test_an_old_run_is_read_as_it_was_written(name, tmp_path):
    run = unpacked(name, tmp_path)
    before = digests(run)
    code, out, err = command(run, "analysis.report", name)
    assert (code, err) == (0, "")
    assert "ENERGY IS ESTIMATED, NOT MEASURED" in out
    rows = rows_of(run)
    assert dict(rows["energy_j_per_example"]) == ENERGIES[name]
    assert set(rows["status"]) == {"ok"}
    assert set(rows["accuracy"]) == {59 / 128}
    assert set(rows["flags"]) == {"estimated"}
    assert len(pd.read_csv(run / "finetune.csv")) == 1
    assert len(pd.read_parquet(run / "windows.parquet")) == rows["windows"].sum()
    assert digests(run) == before


def test_an_old_run_without_its_model_is_not_gone_on_with(tmp_path):
    run = unpacked("grid", tmp_path)
    (tmp_path / "tiny-bert").rename(tmp_path / "moved")
    code, _, err = command(run, "tuner.grid", "--resume", "grid")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert err.startswith("error: a run goes on with the model it was started with, the folder tiny-bert, but there is")


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_old_grid_is_finished_and_its_rows_stay_byte_for_byte(tmp_path):
    run = unpacked("grid", tmp_path)
    before = digests(run)
    code, _, err = command(run, "tuner.grid", "--resume", "grid")
    assert code == 2
    assert err.startswith(REFUSED)
    assert err.endswith("--resume-anyway\n")
    assert len(err.splitlines()) == 1
    assert digests(run) == before

    code, out, err = command(run, "tuner.grid", "--resume", "grid", "--resume-anyway")
    assert code == 0, err
    assert "[4/4] failed 0" in out
    assert "not confirmed: nothing cheaper than the baseline" in out, "128 examples show no loss below a point"
    assert before.items() <= digests(run).items()
    assert measured_by(run, "measure-0") == set(ENERGIES["grid"])
    assert measured_by(run, "measure-1") == UNFINISHED
    assert not (run / "ray" / "finetune-1").exists(), "the kept weights are used"
    rows = rows_of(run)
    assert len(rows) == 4
    assert dict(rows.loc[list(ENERGIES["grid"]), "energy_j_per_example"]) == ENERGIES["grid"]
    assert set(rows.loc[list(ENERGIES["grid"]), "flags"]) == {"estimated"}
    assert rows.loc[list(UNFINISHED), "flags"].str.contains("resumed_anyway").all()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_old_search_goes_on_from_its_study(tmp_path):
    run = unpacked("search", tmp_path)
    before, study = digests(run), study_of(run)
    assert [state for *_, state in study] == ["COMPLETE"] * 5 + ["RUNNING"]
    code, _, err = command(run, "tuner.search", "--resume", "search")
    assert code == 2
    assert len(err.splitlines()) == 1
    found = re.fullmatch(re.escape(REFUSED) + "(.*); start another run\n", err)
    assert found, err

    run_on(run, found[1])
    code, out, err = command(run, "tuner.search", "--resume", "search", "--trials", "2")
    assert code == 0, err
    assert "The search ended: 2 trials (--trials)" in out
    assert before.items() <= digests(run).items()
    assert measured_by(run, "measure-0") == set(ENERGIES["search"])
    new = measured_by(run, "measure-1")
    assert len(new) == 2
    assert not new & set(ENERGIES["search"]), "what the study knows is not tried again"
    now = study_of(run)
    assert now[:5] == study[:5]
    assert now[5][2] == "FAIL", "the trial that the kill interrupted"
    assert {name for _, name, state in now[6:] if state in ("COMPLETE", "PRUNED")} == new
    history = pd.read_csv(run / "history.csv")
    assert list(history["trials"]) == list(range(1, 8))
    assert list(history["trial_id"][:5]) == [name for _, name, _ in study[:5]]
    assert dict(zip(history["trial_id"][:5], history["energy_j_per_example"][:5], strict=True)) == pytest.approx(
        ENERGIES["search"], rel=1e-12
    )
    assert "resumed_anyway" not in "".join(rows_of(run)["flags"])
