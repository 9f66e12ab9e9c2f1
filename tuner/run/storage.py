"""Where Ray keeps a run's checkpoints and results: the run folder itself, or storage that every node reaches.

With --storage-path URI (a shared folder, s3://, gs://: whatever pyarrow knows) Ray writes to URI/NAME/ray, NAME being
the run folder's. The run folder stays what analysis reads: rows are written there first and copied to the storage trial
by trial; settings, environment and the fine-tuned models are copied when they are written; what Ray wrote (but no
fine-tuning checkpoints) is fetched when a phase ends. A run folder that is lost is fetched again by --resume.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pyarrow import fs

from search_spaces.errors import UsageError
from trainables.rows.choice import CONFIRMATION_FILE
from tuner.run.folder import ENVIRONMENT_FILE, SEARCH_FILE, SWEEP_FILE
from tuner.run.lock import LOCK_FILE, Lock, move_aside
from tuner.run.storage_place import Place, known_storage, later, place_of, remember
from tuner.run.storage_uri import check_uri

CHECKPOINT = "checkpoint_"  # begins the names of Tune's checkpoint folders
KEPT_FILES = (SWEEP_FILE, ENVIRONMENT_FILE, SEARCH_FILE, CONFIRMATION_FILE)


class Storage:
    """The storage of the run in `run` (a folder). Without a URI every method has nothing to copy."""

    def __init__(self, run: Path, uri: str | None = None) -> None:
        self.run, self.uri = run, uri
        self.place = Place(fs.LocalFileSystem(), run.parent.as_posix(), run.name) if uri is None else place_of(run, uri)
        self._lock: Lock | None = None
        self._copying = ThreadPoolExecutor(1, "storage")  # a trial does not wait for the copy of the last one
        self._copies: list[Future[None]] = []

    @classmethod
    def of(cls, run: Path, uri: str | None) -> "Storage":
        """The storage of a run that is gone on with: what is asked for, or what an earlier start had; locked, and what
        the folder lacks is fetched."""
        known = known_storage(run).get("storage_path")
        for given in filter(None, (uri, known)):
            check_uri(given)  # before anything is said of it
        if uri and known and uri != known:
            raise UsageError(
                f"a run keeps its storage, but {run} has {known} and --storage-path is {uri}; leave it out"
            )
        storage = cls(run, uri or known)
        storage.lock()
        storage.keep()
        return storage

    @classmethod
    def create(cls, run: Path, uri: str | None, overwrite: bool) -> "Storage":
        """The storage of a new run, locked; what is in its place stays until `make_room`. UsageError where that is
        another run that may not be replaced."""
        storage = cls(run, uri)
        if storage.occupied and not overwrite:
            raise UsageError(
                f"the storage of a new run must be empty, but {uri} holds a run named {run.name}; go on with it by "
                f"--resume {run}, or give another --output-dir, or have it moved aside by --overwrite"
            )
        storage.lock()
        return storage

    @property
    def occupied(self) -> bool:
        """Does it hold a run?"""
        return self.remote and self.place.holds_run

    def lock(self) -> None:
        """UsageError where another driver of this machine, or of one with the same disk, works in it. Object storages
        and disks without locks have none."""
        if self.uri is None:
            return
        self.place.make(self.uri)
        if self.place.renames:
            with suppress(OSError):
                self._lock = Lock(Path(self.place.base), "the storage of a run")

    def make_room(self, when: str) -> str:
        """Have the place to itself: where the run is that was there, or "" where there was none. Objects stay where
        they are, and the new run gets a prefix of its own."""
        if not self.occupied or self.uri is None:
            return ""
        there = self.place
        if there.renames:
            moved = move_aside(Path(there.base), when)
            self.close()
            self.lock()
            return moved.as_posix()
        self.place = later(there, when)
        self.lock()
        return there.base

    def keep(self) -> None:
        """Say in the run folder where the storage is, and make the two alike."""
        if self.uri is not None:
            remember(self.run, self.uri, self.place.prefix, self.run.name)
            self.fetch()

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.close()
        self._lock = None

    @property
    def remote(self) -> bool:
        return self.uri is not None

    @property
    def ray_options(self) -> dict[str, Any]:
        """Arguments of tune.RunConfig."""
        if not self.remote:
            return {"storage_path": str(self.run / "ray")}
        return {"storage_path": f"{self.place.base}/ray", "storage_filesystem": self.place.fs}

    # ---- copies ----

    def push(self, path: Path) -> None:
        """Copy a file or folder of the run folder to the storage; it is there when this returns."""
        if not self.remote or not path.exists():
            return
        files = [path] if path.is_file() else [p for p in sorted(path.rglob("*")) if p.is_file()]
        for file in files:
            self._put(file)

    def push_soon(self, path: Path) -> None:
        """The same, beside whatever goes on; `flush` waits for it."""
        if self.remote:
            self._copies.append(self._copying.submit(self._put, path))

    def flush(self) -> None:
        """Wait for `push_soon`. UsageError where copies failed: their files are in the run folder alone."""
        failed = [error for copy in self._copies if (error := copy.exception()) is not None]
        self._copies = []
        if failed:
            raise UsageError(
                f"results must reach --storage-path {self.uri}, but {len(failed)} copies failed ({failed[-1]}); they "
                f"are kept in {self.run}: once the storage can be written again, go on with --resume {self.run}"
            ) from failed[-1]

    def fetch(self, under: str = "") -> None:
        """Copy to the run folder what the storage has and the run folder lacks, but no checkpoints of Tune's. Rows
        that only the run folder has go the other way. `under`: only this part, which Ray may have rewritten."""
        if not self.remote:
            return
        there = {name: info for name, info in self._files(under) if CHECKPOINT not in name}
        for name, info in there.items():
            target = self.run / name
            if not target.is_file() or (under and target.stat().st_size != info.size):
                self._get(name, target)
        if not under:
            for name in KEPT_FILES:
                if name not in there:
                    self.push(self.run / name)
            for row in (self.run / "ray").glob("measure-*/*/row.json"):
                if row.relative_to(self.run).as_posix() not in there:
                    self.push(row)

    def _put(self, file: Path) -> None:
        target = f"{self.place.base}/{file.relative_to(self.run).as_posix()}"
        renamed = self.place.renames  # a file can be cut short; an object is whole or not there
        if renamed:
            self.place.fs.create_dir(target.rpartition("/")[0], recursive=True)
        part = f"{target}.part" if renamed else target
        with file.open("rb") as source, self.place.fs.open_output_stream(part) as sink:
            shutil.copyfileobj(source, sink)
        if renamed:
            self.place.fs.move(part, target)

    def _get(self, name: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        with self.place.fs.open_input_stream(f"{self.place.base}/{name}") as source, part.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        part.replace(target)

    def _files(self, under: str) -> Iterator[tuple[str, Any]]:
        """(path within the run, info) of every file of the storage."""
        base = f"{self.place.base}/{under}".rstrip("/")
        for info in self.place.fs.get_file_info(fs.FileSelector(base, allow_not_found=True, recursive=True)):
            if info.is_file and info.base_name != LOCK_FILE:
                yield info.path.split(f"{self.place.base}/", 1)[1], info

    # ---- Tune's checkpoints ----

    def checkpoints(self, trial: str, state_file: str) -> list[tuple[str, dict[str, Any]]]:
        """(path within the run, content of its state file) of every checkpoint of a fine-tuning trial."""
        found = []
        for name, _ in self._files("ray"):
            parts = name.split("/")  # ray, experiment, trial, checkpoint, file
            if len(parts) == 5 and parts[2] == trial and parts[3].startswith(CHECKPOINT) and parts[4] == state_file:
                try:
                    with self.place.fs.open_input_stream(f"{self.place.base}/{name}") as source:
                        state = json.loads(source.read())
                except ValueError:
                    continue  # cut short while it was written
                if isinstance(state, dict):
                    found.append(("/".join(parts[:4]), state))
        return found

    @contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """A folder of the run as a local one: its own, or a copy for as long as the context is open."""
        if not self.remote:
            yield self.run / name
            return
        with tempfile.TemporaryDirectory() as copy:
            download(self.place.fs, f"{self.place.base}/{name}", Path(copy))
            yield Path(copy)

    def location(self, name: str) -> tuple[Any, str]:
        """(pyarrow file system, path) of a folder of the run, for a worker anywhere."""
        return self.place.fs, f"{self.place.base}/{name}"

    def delete(self, name: str) -> None:
        """Delete a folder of the run from the storage."""
        self.place.fs.delete_dir(f"{self.place.base}/{name}")


def download(system: Any, path: str, target: Path) -> None:
    """Copy a folder of a pyarrow file system to a local one."""
    fs.copy_files(path, str(target), source_filesystem=system, destination_filesystem=fs.LocalFileSystem())


def fetch_run(run: Path, uri: str | None) -> None:
    """Fetch a run folder that is not here from its storage; nothing where it is here, or no storage is named."""
    if uri is None or (run / SWEEP_FILE).is_file():
        return
    run.mkdir(parents=True, exist_ok=True)
    Storage(run.resolve(), uri).fetch()
