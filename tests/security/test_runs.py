"""A run folder from elsewhere: nothing in it runs, and nothing is read or written outside it."""

import ast
import json
import os
import pickle
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import analysis
from analysis.audit import main as audit_command
from analysis.cli import Fitting, Reading, printable
from analysis.files import write_text
from analysis.findings.claims.check import audit
from analysis.predict import main as predict
from analysis.report.build import build_report
from analysis.report.command import main as report_command
from analysis.rows.windows import load_traces
from search_spaces.errors import UsageError
from search_spaces.presets import DEMO
from serving.make_export import export
from serving.run_folder import find
from tests.make import runs as fabricated
from tests.make.rows import linear_rows, row, write_trial
from trainables.rows.columns import TRACE
from trainables.rows.finished import rows_by_trial
from trainables.rows.folder import check_folder, weights_folder
from tuner.run.folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
WINDOWS = [[0.0, 1.0, 2, 20.0, 19.0, 0.1], [1.0, 1.0, 2, 22.0, 21.0, 0.1]]


class Bomb:
    """Unpickling it creates a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch '{self.file}'",)


def state_with_bomb(bomb: bytes) -> str:
    """Ray's experiment state as Tune writes it, with a value that only a pickle could hold."""
    planted = {"_type": "CLOUDPICKLE_FALLBACK", "value": bomb.hex()}
    return json.dumps({"trial_data": [], "runner_data": {"planted": planted}, "stats": {}})


@pytest.fixture
def bombed(tmp_path: Path) -> tuple[Path, Path]:
    """A run with a pickle wherever one could be, and the file that any of them creates."""
    run, fired = tmp_path / "theirs", tmp_path / "fired"
    bomb = pickle.dumps(Bomb(fired))
    experiment = run / "ray/measure-0"
    for fabricated_row in linear_rows(lengths=(16, 32, 64, 128), depths=(4, 8, 12)):
        folder = write_trial(experiment, fabricated_row | {TRACE: bomb.hex()}, windows=WINDOWS)
        (folder / "params.pkl").write_bytes(bomb)
    (experiment / "experiment_state-2026-01-01_00-00-00.json").write_text(state_with_bomb(bomb))
    (experiment / "tuner.pkl").write_bytes(bomb)
    (experiment / "searcher-state-2026-01-01_00-00-00.pkl").write_bytes(bomb)
    (experiment / "basic-variant-state-2026-01-01_00-00-00.json").write_bytes(bomb)
    for name in ("results.parquet", "windows.parquet", "study.db", "results.pkl"):
        (run / name).write_bytes(bomb)
    return run, fired


def test_an_own_run_is_read_through_ray(bombed: tuple[Path, Path]) -> None:
    """The plant works: whoever trusts the folder runs what is in it."""
    run, fired = bombed
    analysis.load(run)
    assert fired.exists()


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("command", "arguments"),
    [(report_command, []), (audit_command, ["--rows"]), (predict, ["--max-seq-len", "48", "--precision", "fp32"])],
)
def test_nothing_of_an_untrusted_run_is_unpickled(
    bombed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, command: object, arguments: list[str]
) -> None:
    run, fired = bombed
    monkeypatch.setattr(pd, "read_parquet", lambda *a, **k: pytest.fail("Parquet was read"))
    assert command(["--untrusted", *arguments, str(run)]) == 0  # type: ignore[operator]
    assert not fired.exists()


def test_the_python_api_reads_within_a_block(bombed: tuple[Path, Path]) -> None:
    run, fired = bombed
    with analysis.untrusted():
        rows = analysis.load(run)
        assert len(rows) == 12
        assert load_traces(run) == {}
        assert analysis.recompute(run)["from_trace_j_per_example"].isna().all()
        assert len(analysis.load_windows(run)) == 24
    assert not fired.exists()


def test_untrusted_rows_are_those_of_the_trials_own_files(tmp_path: Path) -> None:
    for fabricated_row in linear_rows(lengths=(16, 64), depths=(4, 12)):
        write_trial(tmp_path / "ray/measure-0", fabricated_row, windows=WINDOWS)
    trusted = analysis.load(tmp_path)
    with analysis.untrusted():
        pd.testing.assert_frame_equal(analysis.load(tmp_path), trusted)


def test_an_untrusted_folder_without_ray_is_read_from_its_csv(tmp_path: Path) -> None:
    folder = fabricated.write_csv_run(tmp_path / "run", fabricated.table(lengths=(48, 128), depths=(12,)))
    (folder / "results.parquet").write_bytes(b"PAR1 and what an attacker likes")
    with pytest.raises(UsageError, match="must be a table"):
        analysis.load(folder)
    with analysis.untrusted():
        assert len(analysis.load(folder)) == 4
        with pytest.raises(UsageError, match=r"an untrusted table must be a \.csv file"):
            analysis.load(folder / "results.parquet")


def test_untrusted_ends_with_its_block_and_nests() -> None:
    from analysis.rows.trust import trusted, untrusted

    with untrusted():
        with untrusted(False):
            assert not trusted()
        assert not trusted()
    assert trusted()


def test_parquet_runs_no_code_even_where_it_is_read(tmp_path: Path) -> None:
    """An extension type that old versions of pyarrow unpickled (CVE-2023-47248)."""
    fired = tmp_path / "fired"
    field = pa.field(
        "task",
        pa.string(),
        metadata={
            "ARROW:extension:name": "arrow.py_extension_type",
            "ARROW:extension:metadata": pickle.dumps(Bomb(fired)),
        },
    )
    rows = pd.DataFrame([row(48), row(64)])[["max_seq_len", "depth", "precision", "energy_j_per_example"]]
    table = pa.Table.from_pandas(rows).append_column(field, pa.array(["sst2", "sst2"]))
    pq.write_table(table, tmp_path / "rows.parquet")
    assert len(analysis.load(tmp_path / "rows.parquet")) == 2
    assert not fired.exists()


def test_every_command_that_reads_runs_can_be_told_not_to_trust_them() -> None:
    commands = [f for f in (ROOT / "analysis").rglob("*.py") if "def main(argv" in f.read_text()]
    names = {f.relative_to(ROOT / "analysis").as_posix() for f in commands}
    assert names == {"report/command.py", "across/command.py", "audit.py", "predict.py"}
    assert issubclass(Fitting, Reading)
    for file in commands:
        classes = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.ClassDef)]
        (arguments,) = [c for c in classes if c.name == "Arguments"]
        (base,) = [b.id for b in arguments.bases if isinstance(b, ast.Name)]
        assert base in ("Reading", "Fitting"), file.name


# ---- nothing outside the folder ----


@pytest.mark.parametrize(
    "name", ["results.csv", "anchors.csv", "environment.json", "figures", ".report-probe", "report.html", "ray"]
)
def test_a_link_out_of_a_run_is_refused(tmp_path: Path, name: str) -> None:
    """Reading would show a file of the reader's, writing would overwrite it."""
    secret = tmp_path / "secret"
    secret.write_text("task,max_seq_len\nprivate,1\n")
    folder = fabricated.write_csv_run(tmp_path / "run", fabricated.table(lengths=(48, 128), depths=(12,)))
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(secret)
    with pytest.raises(UsageError, match="must hold no link that leads out of it"):
        build_report([folder], bootstrap=False)
    assert secret.read_text() == "task,max_seq_len\nprivate,1\n"


def test_links_within_a_run_and_to_a_run_are_followed(tmp_path: Path) -> None:
    folder = fabricated.write_csv_run(tmp_path / "run", fabricated.table(lengths=(48, 128), depths=(12,)))
    (folder / "kept").mkdir()
    (folder / "results.csv").rename(folder / "kept" / "rows.csv")
    (folder / "results.csv").symlink_to(Path("kept") / "rows.csv")
    (tmp_path / "link").symlink_to(folder)
    assert len(analysis.load(tmp_path / "link")) == 4


@pytest.mark.parametrize("planted", ["", "report.html", "figures", ".report-probe", "results.parquet"])
@pytest.mark.parametrize("several", [False, True])
def test_a_report_beside_a_table_is_not_written_through_links(tmp_path: Path, planted: str, several: bool) -> None:
    """Who sends a table can send links beside it, named as the report's folder will be."""
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    (mine / "precious").write_text("irreplaceable")
    theirs.mkdir()
    tables = [theirs / "a.csv", theirs / "b.csv"][: 1 + several]
    for number, table in enumerate(tables):
        fabricated.table(lengths=(48 + number, 128 + number), depths=(12,)).to_csv(table, index=False)
    place = theirs / ("report-a-b" if several else "a-report")
    if not planted:
        place.symlink_to(mine)
    else:
        place.mkdir()
        (place / planted).symlink_to(mine / ("precious" if "." in planted else ""))
    with (
        pytest.raises(UsageError, match=r"through a link beside its input|no link that leads out"),
        analysis.untrusted(),
    ):
        build_report(tables, bootstrap=False)
    assert [p.name for p in mine.iterdir()] == ["precious"]
    assert (mine / "precious").read_text() == "irreplaceable"


def test_a_temporary_file_is_never_a_planted_link(tmp_path: Path) -> None:
    """Its name can be guessed: it has the number of the process."""
    (tmp_path / "precious").write_text("irreplaceable")
    (tmp_path / f".report.{os.getpid()}.tmp.html").symlink_to(tmp_path / "precious")
    write_text(tmp_path / "report.html", "new")
    assert (tmp_path / "report.html").read_text() == "new"
    assert not (tmp_path / "report.html").is_symlink()
    assert (tmp_path / "precious").read_text() == "irreplaceable"


def test_a_pipe_in_a_run_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    write_trial(tmp_path / "ray/measure-0", row(16))
    (tmp_path / "ray/finetune-0/t").mkdir(parents=True)
    os.mkfifo(tmp_path / "ray/finetune-0/t/result.json")
    with pytest.raises(UsageError, match="neither; delete it"):
        analysis.load_finetune(tmp_path)


def test_a_driver_does_not_write_through_links(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("irreplaceable")
    run = tmp_path / "run"
    folder = RunFolder.create(run)
    folder.begin(DEMO)
    folder.close()
    for name in (".lock", "environment.json", "checkpoints"):
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(precious)
        with pytest.raises(UsageError, match="no link that leads out"):
            RunFolder.resume(run)
        with pytest.raises(UsageError, match="no link that leads out"):
            RunFolder.create(run, overwrite=True)
        (run / name).unlink()
    (run / "ray").mkdir()
    (run / "link").symlink_to("ray")
    again = RunFolder.create(run, overwrite=True)
    moved = again.make_room("T")
    again.begin(DEMO)
    again.close()
    assert sorted(p.name for p in run.iterdir()) == [".lock", "sweep.json"]
    assert moved is not None
    assert (moved / "link").resolve() == moved / "ray"
    assert precious.read_text() == "irreplaceable"


@pytest.mark.parametrize("task", ["../../outside", "/etc", "*", "..", "a/../../outside"])
def test_names_in_rows_are_no_paths(tmp_path: Path, task: str) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (tmp_path / "outside-m-s1").mkdir()
    (run / "sweep.json").write_text(json.dumps(DEMO.to_dict()))
    made = row(48) | {"task": task}
    write_trial(run / "ray" / "measure-0", made)
    (name,) = rows_by_trial(run)
    with pytest.raises(UsageError, match="a task must be one of demo, sst2"):
        export(find(run, name), tmp_path / "out")
    assert weights_folder(run, "sst2", "../../outside-m", 1).parent == run / "checkpoints"


@pytest.mark.parametrize("given", [[["a"]], ["a", 1], {"a": 1}, 7, True])
def test_a_checkpoint_that_is_no_name_is_refused(tmp_path: Path, given: object) -> None:
    (tmp_path / "sweep.json").write_text(json.dumps(DEMO.to_dict() | {"checkpoint": given}))
    made = row(48)
    write_trial(tmp_path / "ray" / "measure-0", made)
    with pytest.raises(UsageError, match=r"sweep\.json must hold the sweep's settings, but: 'checkpoint must be text"):
        find(tmp_path, made["trial_id"])


@pytest.mark.parametrize("rows", ["../secret.csv", "/etc/passwd", "a/../../secret.csv", ["rows.csv"], {"a": 1}])
def test_claims_name_rows_beside_them_alone(tmp_path: Path, rows: object) -> None:
    folder = tmp_path / "claims"
    folder.mkdir()
    claim = {"from": {"precision": "fp32"}, "to": {"precision": "fp16"}, "claimed_ratio": 4}
    (folder / "claims.json").write_text(json.dumps({"claims": [claim], "rows": rows}))
    with pytest.raises(UsageError, match="must be a file beside"):
        audit(claims=folder / "claims.json")


def test_checking_a_folder_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    check_folder(tmp_path / "absent")


@pytest.mark.usefixtures("sketches")
def test_what_is_printed_holds_no_escape_sequences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An error message of somebody's trial must not steer the reader's terminal."""
    assert printable("a\x1b]52;c;x\x07b\n\u202ec") == "a\ufffd]52;c;x\ufffdb\n\ufffdc"
    rows = fabricated.table(lengths=(48, 128), depths=(12,), model="m\x1b[31m")
    folder = fabricated.write_csv_run(tmp_path / "run", rows)
    assert report_command([str(folder)]) == 0
    assert report_command([str(folder / "nothing\x1b[31m")]) == 2
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err


@pytest.mark.seconds
def test_a_folder_whose_name_is_no_text_is_read_and_reported(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/run \xff"))
    fabricated.write_csv_run(folder, fabricated.table(lengths=(48, 128), depths=(12,)), {"host": "\ud800"})
    assert set(analysis.load(folder)["run"]) == {"run ?"}
    built = build_report([folder], bootstrap=False)
    assert "run ?" in built.html.read_text(encoding="utf-8")
    assert built.problems == []
