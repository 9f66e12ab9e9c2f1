"""Whatever is wrong is said before anything moves; what was there is then moved aside whole, and never deleted."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from search_spaces.errors import UsageError
from search_spaces.presets import DEMO
from search_spaces.search_config import SearchConfig
from tuner import sweep
from tuner.cluster.devices import Devices, Node
from tuner.cluster.options import RayOptions
from tuner.grid import main
from tuner.run import opening
from tuner.run.folder import RunFolder, read_sweep
from tuner.run.opening import RunRequest, open_run, would_move
from tuner.run.record import SEARCH, check_kind
from tuner.run.storage import Storage

HERE = Devices((Node("n", 2, 0),))
NEW = replace(DEMO, replicates=2)


def begun(request: RunRequest) -> Path:
    """Begin a run and leave it."""
    with open_run(request) as opened:
        folder, _ = opened.begin(HERE)
        (folder.path / "ray").mkdir(exist_ok=True)
        return folder.path


def content(folder: Path) -> dict[str, bytes]:
    """Relative path -> bytes of every file, but locks."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != ".lock"
    }


@pytest.fixture
def run(tmp_path):
    """An earlier run with something irreplaceable in it."""
    folder = begun(RunRequest(tmp_path / "runs" / "x", DEMO))
    (folder / "ray/row.json").write_text("measured")
    (folder / "notes.txt").write_text("mine")
    return folder


def replaced(run: Path) -> list[Path]:
    return sorted(run.parent.glob(f"{run.name}.replaced-*"))


def test_an_earlier_run_is_moved_aside_whole_and_a_line_says_where(run, capsys):
    before = content(run)
    begun(RunRequest(run, NEW, overwrite=True))
    (aside,) = replaced(run)
    assert re.fullmatch(r"x\.replaced-\d{8}T\d{6}Z", aside.name)
    assert content(aside) == before
    assert read_sweep(run) == NEW
    assert not (run / "notes.txt").exists()
    assert capsys.readouterr().out == f"the earlier run was moved aside: {run} is now {aside}\n"
    begun(RunRequest(run, DEMO, overwrite=True))
    assert len(replaced(run)) == 2, "in the same second, too"


def test_nothing_moves_where_the_run_ends_before_it_begins(run):
    before = content(run)
    with pytest.raises(ZeroDivisionError), open_run(RunRequest(run, NEW, overwrite=True)):
        _ = 1 / 0  # Ray does not start
    assert content(run) == before
    assert replaced(run) == []


def test_a_wrong_ray_option_leaves_the_earlier_run_as_it_is(run):
    before = content(run)
    for wrong in (RayOptions(metrics_port=80), RayOptions(address="auto", metrics_port=9090)):
        with pytest.raises(UsageError, match="port"):
            sweep.run(DEMO, run, overwrite=True, ray_options=wrong)
    assert content(run) == before
    assert replaced(run) == []


def test_checkpoints_that_not_every_node_reaches_are_found_out_before(run, monkeypatch):
    def unreachable(folder, devices):
        raise UsageError("every node must reach the fine-tuning checkpoints")

    monkeypatch.setattr(opening, "check_shared", unreachable)
    before = content(run)
    with pytest.raises(UsageError, match="every node"):
        begun(RunRequest(run, NEW, overwrite=True))
    assert content(run) == before


def test_a_running_driver_is_refused_before_anything_moves(run, tmp_path):
    shared = str(tmp_path / "shared")
    busy = RunFolder.resume(run)
    before = content(run)
    for ask in (begun, would_move):
        with pytest.raises(UsageError, match="one driver at a time may work in a run folder"):
            ask(RunRequest(run, NEW, shared, overwrite=True))
    busy.close()
    other = tmp_path / "elsewhere" / "x"
    other.mkdir(parents=True)
    (other / "sweep.json").write_bytes((run / "sweep.json").read_bytes())
    busy = Storage.of(other, shared)
    there = content(tmp_path / "shared")
    assert "x/sweep.json" in there
    for ask in (begun, would_move):
        with pytest.raises(UsageError, match="one driver at a time may work in the storage of a run"):
            ask(RunRequest(run, NEW, shared, overwrite=True))
    busy.close()
    assert content(run) == before
    assert content(tmp_path / "shared") == there
    assert replaced(run) == []


def test_the_storage_on_a_disk_is_moved_with_its_run_and_they_keep_together(tmp_path, capsys):
    shared, path = tmp_path / "shared", tmp_path / "runs" / "x"
    run = begun(RunRequest(path, DEMO, str(shared)))
    (shared / "x/checkpoint").write_text("of the first")
    begun(RunRequest(path, NEW, str(shared), overwrite=True))
    (aside,), (stored,) = replaced(run), replaced(shared / "x")
    assert (stored / "checkpoint").read_text() == "of the first"
    assert not (shared / "x/checkpoint").exists()
    assert f"{run} is now {aside}; its storage is {stored}" in capsys.readouterr().out
    assert [Storage.of(r, None).place.base for r in (aside, run)] == [str(stored), str(shared / "x")]
    assert read_sweep(aside) == DEMO
    assert read_sweep(shared / "x") == NEW


def test_a_storage_that_the_new_run_does_not_use_stays_that_of_the_old_one(tmp_path):
    shared, path = tmp_path / "shared", tmp_path / "runs" / "x"
    run = begun(RunRequest(path, DEMO, str(shared)))
    begun(RunRequest(path, NEW, overwrite=True))
    (aside,) = replaced(run)
    assert Storage.of(aside, None).place.base == str(shared / "x")
    assert read_sweep(shared / "x") == DEMO
    assert Storage.of(run, None).uri is None


def test_a_storage_whose_folder_is_gone_is_moved_aside_too(tmp_path, capsys):
    shared, path = tmp_path / "shared", tmp_path / "runs" / "x"
    shutil.rmtree(begun(RunRequest(path, DEMO, str(shared))))
    with pytest.raises(UsageError, match="the storage of a new run must be empty"):
        begun(RunRequest(path, NEW, str(shared)))
    begun(RunRequest(path, NEW, str(shared), overwrite=True))
    (stored,) = replaced(shared / "x")
    assert read_sweep(stored) == DEMO
    assert f"moved aside: its storage is {stored}" in capsys.readouterr().out


def test_a_folder_that_a_refused_start_left_is_new(tmp_path):
    path = tmp_path / "x"
    with pytest.raises(ZeroDivisionError), open_run(RunRequest(path, DEMO)):
        _ = 1 / 0
    begun(RunRequest(path, DEMO))
    assert read_sweep(path) == DEMO


@pytest.mark.parametrize("name", ["model", "checkpoint", "data_dir"])
def test_what_a_run_starts_from_is_not_moved_away_from_under_it(run, name, tmp_path):
    (run / "checkpoints/m").mkdir(parents=True)
    inside = replace(DEMO, **{name: str(run / "checkpoints/m")})
    with pytest.raises(
        UsageError, match=rf"must lie outside the run that it replaces, but --{name.replace('_', '-')} "
    ):
        begun(RunRequest(run, inside, overwrite=True))
    (tmp_path / "link").symlink_to(run)
    with pytest.raises(UsageError, match="but --from-run"):
        begun(RunRequest(run, DEMO, overwrite=True, reads=[tmp_path / "link"]))
    assert replaced(run) == []


def test_a_link_to_a_run_stays_and_what_it_leads_to_is_moved(run, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(run)
    begun(RunRequest(link, NEW, overwrite=True))
    assert read_sweep(link) == NEW
    assert read_sweep(replaced(run)[0]) == DEMO


def test_a_folder_that_cannot_be_renamed_is_left_alone(run, monkeypatch):
    before = content(run)

    def busy(self, target):
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "rename", busy)
    with pytest.raises(
        UsageError, match=r"cannot be renamed to x.replaced-.* \(Device or resource busy\); give another"
    ):
        begun(RunRequest(run, NEW, overwrite=True))
    assert content(run) == before


def test_a_disk_that_is_full_then_leaves_a_line_that_says_where_the_run_is(run, monkeypatch, capsys):
    def full(folder, name, value):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunFolder, "write_json", full)
    with pytest.raises(UsageError, match="a disk is full"):
        begun(RunRequest(run, NEW, overwrite=True))
    (aside,) = replaced(run)
    assert capsys.readouterr().out == f"the earlier run was moved aside: {run} is now {aside}\n"


def test_a_searchs_folder_is_one_from_the_first_moment(tmp_path):
    run = begun(RunRequest(tmp_path / "s", DEMO, search=SearchConfig(trials=20)))
    check_kind(run, SEARCH)
    with pytest.raises(UsageError, match=r"python -m tuner\.search"):
        begun(RunRequest(run, DEMO, resume=True))


def test_a_dry_run_says_what_would_move_and_moves_nothing(tmp_path, capsys):
    shared, path = tmp_path / "shared", tmp_path / "x"
    options = ["--overwrite", "--output-dir", str(path), "--dry-run", "--depth", "1", "--max-seq-len", "16"]
    assert main([*options, "--storage-path", str(shared)]) == 0
    assert "would" not in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    begun(RunRequest(path, DEMO, str(shared)))
    before = content(tmp_path)
    assert main([*options, "--storage-path", str(shared)]) == 0
    said = capsys.readouterr().out
    assert re.search(rf"^{path} would become {path}\.replaced-\w+$", said, re.M)
    assert re.search(rf"^{shared}/x would become {shared}/x\.replaced-\w+$", said, re.M)
    assert content(tmp_path) == before
    (path / "sweep.json").unlink()
    with pytest.raises(UsageError, match="is not empty"):
        main(options)


@pytest.mark.parametrize("other", [["--resume", "x"], ["--go-on", "--output-dir", "x"]])
def test_to_go_on_and_to_start_anew_are_two_wishes(other, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begun(RunRequest(tmp_path / "x", DEMO))
    with pytest.raises(UsageError, match="--overwrite starts a new run"):
        main([*other, "--overwrite"])


# ---- scratch: the demo of `make demo` ----


def test_scratch_is_replaced_by_scratch_and_leaves_no_copy(tmp_path, capsys):
    request = RunRequest(tmp_path / "demo", DEMO, overwrite=True, scratch=True)
    for _ in range(3):
        run = begun(request)
    assert replaced(run) == []
    assert would_move(request) == [f"{run} would be deleted (--scratch)"]
    assert capsys.readouterr().out == ""


def test_a_run_that_is_no_scratch_is_moved_aside_by_one(run):
    begun(RunRequest(run, DEMO, overwrite=True, scratch=True))
    assert (replaced(run)[0] / "notes.txt").read_text() == "mine"


def test_scratch_that_was_copied_gone_on_with_or_replaced_by_a_real_run_is_kept(tmp_path):
    def scratch(name):
        return RunRequest(tmp_path / name, DEMO, overwrite=True, scratch=True)

    copy = shutil.copytree(begun(scratch("demo")), tmp_path / "mine")
    begun(scratch("mine"))
    assert len(replaced(copy)) == 1, "copied"
    run = begun(scratch("gone-on"))
    begun(RunRequest(run, DEMO, resume=True))
    begun(scratch("gone-on"))
    assert len(replaced(run)) == 1, "gone on with"
    begun(RunRequest(run, DEMO, overwrite=True))
    assert len(replaced(run)) == 2, "replaced by a run that is none"


def test_make_demo_has_a_folder_of_its_own_and_clean_leaves_runs_alone():
    makefile = (Path(__file__).resolve().parents[3] / "Makefile").read_text()
    demo, clean = (re.search(rf"^{name}:.*\n\t(.*)$", makefile, re.M)[1] for name in ("demo", "clean"))
    assert re.search(r"^RUN\s*\?= runs/make-demo$", makefile, re.M), "runs/demo is where `tuner.grid` puts a user's own"
    assert demo.endswith("--output-dir $(RUN) --overwrite --scratch")
    assert "runs" not in clean
    assert "RUN" not in clean
