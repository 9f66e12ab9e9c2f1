"""A run folder and its storage: what is copied where, what is fetched, what is refused."""

import json
import shutil
from pathlib import Path

import fsspec
import pytest
from pyarrow import fs

from search_spaces.errors import UsageError
from tuner.grid import RunArguments, _resumed_if_there
from tuner.run import storage_place
from tuner.run.checkpoints import CheckpointDamaged, VerifiedFinetune, damage, write_digests
from tuner.run.folder import STORAGE_FILE
from tuner.run.storage import Storage, fetch_run
from tuner.run.storage_uri import check_uri


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "sst2"
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text("{}")
    return folder


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize("uri", ["folder", "file"])
def test_rows_and_settings_reach_the_storage_and_a_lost_folder_comes_back(run, tmp_path, uri):
    place = tmp_path / "shared"
    uri = place.as_uri() if uri == "file" else str(place)
    storage = Storage.of(run, uri)
    assert storage.remote
    storage.push_soon(write(run / "ray/measure-0/t1/row.json", "row"))
    storage.flush()
    storage.push(write(run / "checkpoints/m/model.safetensors", "weights").parent)
    there = place / "sst2"
    assert (there / "sweep.json").read_text() == "{}"
    assert (there / "ray/measure-0/t1/row.json").read_text() == "row"
    assert not list(there.rglob("*.part"))

    write(there / "ray/finetune-0/t/checkpoint_0/model.safetensors", "big")
    write(there / "ray/finetune-0/t/result.json", "of Ray")
    again = tmp_path / "elsewhere" / "sst2"
    fetch_run(again, uri)
    assert (again / "ray/measure-0/t1/row.json").read_text() == "row"
    assert (again / "checkpoints/m/model.safetensors").read_text() == "weights"
    assert (again / "ray/finetune-0/t/result.json").read_text() == "of Ray"
    assert not (again / "ray/finetune-0/t/checkpoint_0").exists(), "checkpoints stay where they are"


def test_a_run_remembers_its_storage_and_keeps_to_it(run, tmp_path):
    Storage.of(run, str(tmp_path / "shared"))
    assert Storage.of(run, None).uri == str(tmp_path / "shared")
    with pytest.raises(UsageError, match="a run keeps its storage"):
        Storage.of(run, str(tmp_path / "other"))
    (run / STORAGE_FILE).write_text("{")
    with pytest.raises(UsageError, match=r"storage.json must name the run's storage, but is damaged"):
        Storage.of(run, None)


def test_rows_that_missed_the_storage_are_copied_at_the_next_start(run, tmp_path):
    Storage.of(run, str(tmp_path / "shared"))
    write(run / "ray/measure-0/t1/row.json", "row")
    Storage.of(run, None)
    assert (tmp_path / "shared/sst2/ray/measure-0/t1/row.json").read_text() == "row"


def test_a_new_run_does_not_fall_into_the_storage_of_another(run, tmp_path):
    shared = str(tmp_path / "shared")
    Storage.create(run, None, overwrite=False).close()
    Storage.create(run, shared, overwrite=False).close()
    Storage.of(run, shared).close()
    with pytest.raises(UsageError, match=r"holds a run named sst2; go on with it by --resume"):
        Storage.create(tmp_path / "elsewhere/sst2", shared, overwrite=False)
    storage = Storage.create(run, shared, overwrite=True)
    assert (tmp_path / "shared/sst2/sweep.json").exists(), "nothing moves before the new run begins"
    moved = Path(storage.make_room("T"))
    assert moved == tmp_path / "shared/sst2.replaced-T"
    assert (moved / "sweep.json").read_text() == "{}"
    assert [p.name for p in (tmp_path / "shared/sst2").iterdir()] == [".lock"]
    storage.close()


def test_a_storage_that_a_driver_works_in_is_refused_whatever_its_folder(run, tmp_path):
    shared = str(tmp_path / "shared")
    first = Storage.of(run, shared)
    other = tmp_path / "elsewhere" / "sst2"
    other.mkdir(parents=True)
    with pytest.raises(UsageError, match="one driver at a time may work in the storage of a run, but another holds"):
        Storage.create(other, shared, overwrite=True)
    with pytest.raises(UsageError, match="one driver at a time"):
        Storage.of(other, shared)
    first.close()
    Storage.of(other, shared).close()
    assert not (other / ".lock").exists(), "locks are no files of a run"


def test_the_folder_of_a_run_is_no_storage_for_it(run):
    with pytest.raises(UsageError, match="--storage-path must be another place"):
        Storage.create(run, str(run.parent), overwrite=True)


@pytest.fixture
def objects(monkeypatch):
    """An object storage: without folders, renaming or locks."""
    system = fs.PyFileSystem(fs.FSSpecHandler(fsspec.filesystem("memory", skip_instance_cache=True)))
    monkeypatch.setattr(storage_place, "file_system", lambda uri: (system, "bucket"))
    system.create_dir("bucket")
    yield system
    system.delete_dir_contents("bucket")


def test_in_an_object_storage_a_new_run_gets_a_prefix_and_the_old_one_stays(run, tmp_path, objects):
    first = Storage.create(run, "s3://b", overwrite=False)
    assert first.make_room("T0") == ""
    first.keep()
    (run / "sweep.json").write_text('{"new": 1}')
    with pytest.raises(UsageError, match="holds a run named sst2"):
        Storage.create(run, "s3://b", overwrite=False)
    second = Storage.create(run, "s3://b", overwrite=True)
    assert second.make_room("T1") == "bucket/sst2"
    second.keep()
    third = Storage.create(run, "s3://b", overwrite=True)
    assert third.make_room("T2") == "bucket/sst2.since-T1", "not a prefix of a prefix"

    def text(name):
        with objects.open_input_stream(name) as file:
            return file.read().decode()

    assert text("bucket/sst2/sweep.json") == "{}"
    assert text("bucket/sst2.since-T1/sweep.json") == '{"new": 1}'
    assert Storage.of(run, None).place.prefix == "sst2.since-T1", "the third holds no run yet"
    lost = tmp_path / "another machine" / "sst2"
    fetch_run(lost, "s3://b")
    assert (lost / "sweep.json").read_text() == '{"new": 1}', "the newest is the run's"
    copied = shutil.copytree(run, tmp_path / "copied")
    assert Storage(copied, "s3://b").place.prefix == "copied"


def test_a_job_that_is_started_again_goes_on_and_the_first_starts(run, tmp_path):
    options = RunArguments(go_on=True)
    new = tmp_path / "new" / "sst2"
    assert _resumed_if_there(options, new, str(tmp_path / "shared")).resume is None
    assert _resumed_if_there(options, run, None).resume == run
    Storage.of(run, str(tmp_path / "shared"))
    assert _resumed_if_there(options, new, str(tmp_path / "shared")).resume == new


def test_copies_that_fail_are_said_at_the_end(run, tmp_path):
    storage = Storage.of(run, str(tmp_path / "shared"))
    storage.push_soon(run / "not-there.json")
    with pytest.raises(UsageError, match=r"results must reach --storage-path .*1 copies failed .*--resume"):
        storage.flush()
    storage.flush()


def test_what_ray_wrote_again_is_fetched_again(run, tmp_path):
    storage = Storage.of(run, str(tmp_path / "shared"))
    for text in ("one line", "one line\nanother"):
        write(tmp_path / "shared/sst2/ray/measure-0/t1/result.json", text)
        storage.fetch("ray/measure-0")
        assert (run / "ray/measure-0/t1/result.json").read_text() == text


@pytest.mark.parametrize("uri", ["s4://bucket", "file:///proc/nowhere"])
def test_a_storage_that_cannot_be_written_is_a_users_mistake(run, uri):
    with pytest.raises(UsageError, match="--storage-path must be a folder or a URI"):
        Storage.of(run, uri)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://key:hidden@bucket/prefix",
        "s3://hidden@bucket/prefix",
        "abfs://container:hidden@account.dfs.core.windows.net/x",
        "abfs://c@a.dfs.core.windows.net/x?tenant_id=1&client_secret=hidden",
        "abfs://c@a.dfs.core.windows.net/x?sv=2024&sig=hidden",
        "abfs://c@a.dfs.core.windows.net/x?client%5Fsecret=hidden",
        "s3://bucket/x?region=eu&access_key=hidden",
        "s3://bucket/x?endpoint_override=http://user:hidden@minio:9000",
        "s3://bucket/x?region=eu;sig=hidden",
        "s3://bucket/x?REGION=hidden",
        "s3://bucket/x#hidden",
        "gs://bucket/x?json_credentials=hidden",
        "s3://[hidden/x",
    ],
)
def test_a_secret_in_the_address_is_neither_kept_nor_said(run, tmp_path, uri):
    Storage.of(run, str(tmp_path / "shared"))
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    new = tmp_path / "n"
    for use in (lambda: Storage.of(run, uri), lambda: Storage.create(new, uri, False), lambda: fetch_run(new, uri)):
        with pytest.raises(UsageError, match="--storage-path") as told:
            use()
        assert "hidden" not in str(told.value)
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/x?region=eu-central-1&endpoint_override=minio:9000&scheme=http",
        "gs://bucket/x?retry_limit_seconds=10",
        "abfss://container@account.dfs.core.windows.net/x?tenant_id=1f-2",
        "hdfs://name-node:9000/x?user=me",
        "/a folder?sig=1#2",
    ],
)
def test_what_says_where_and_not_who_may_stand_in_it(uri):
    check_uri(uri)


def test_without_a_storage_nothing_is_copied(run):
    storage = Storage.of(run, None)
    storage.push(run / "sweep.json")
    storage.push_soon(run / "sweep.json")
    storage.flush()
    storage.fetch()
    assert storage.ray_options == {"storage_path": str(run / "ray")}
    assert {p.name for p in run.iterdir()} == {"sweep.json"}


@pytest.mark.parametrize("remote", [False, True])
def test_checkpoints_are_found_by_their_state_and_can_be_had_as_a_folder(run, tmp_path, remote):
    storage = Storage.of(run, str(tmp_path / "shared") if remote else None)
    base = (tmp_path / "shared/sst2" if remote else run) / "ray"
    for experiment, epoch in (("finetune-0", 1), ("finetune-1", 2)):
        write(base / experiment / "tune-a/checkpoint_000000/state.json", json.dumps({"epoch": epoch}))
    write(base / "finetune-1/tune-a/checkpoint_000001/state.json", '{"epo')  # cut short
    write(base / "finetune-1/tune-b/checkpoint_000000/state.json", '{"epoch": 9}')
    found = sorted(storage.checkpoints("tune-a", "state.json"))
    assert [(name.split("/")[1], state["epoch"]) for name, state in found] == [("finetune-0", 1), ("finetune-1", 2)]
    with storage.folder(found[1][0]) as local:
        assert json.loads((local / "state.json").read_text()) == {"epoch": 2}
    storage.delete(found[0][0])
    assert len(storage.checkpoints("tune-a", "state.json")) == 1


def test_digests_find_what_changed(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    assert damage(tmp_path) == "digests.json is missing or damaged"
    write_digests(tmp_path)
    assert damage(tmp_path) == ""
    (tmp_path / "a").write_text("3")
    assert damage(tmp_path) == "a does not match its digest"
    (tmp_path / "a").unlink()
    assert damage(tmp_path) == "a is missing"
    (tmp_path / "digests.json").write_text("[1]")
    assert damage(tmp_path) == "digests.json is missing or damaged"


def test_a_damaged_checkpoint_is_never_loaded(tmp_path):
    (tmp_path / "model.safetensors").write_text("1")
    write_digests(tmp_path)
    (tmp_path / "model.safetensors").write_text("2")
    with pytest.raises(CheckpointDamaged, match=r"model.safetensors does not match"):
        VerifiedFinetune.load_checkpoint(VerifiedFinetune.__new__(VerifiedFinetune), str(tmp_path))
