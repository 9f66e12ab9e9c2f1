"""A run to work in: every check and lock first, and only then is what must make room moved aside.

    with open_run(...) as opened:              # checked and locked; nothing has changed
        with ray_session(options) as devices:  # Ray's options are checked, too
            folder, storage = opened.begin(devices)

Nothing is deleted, but for an earlier run that was marked for it (`--scratch`: the demo of `make demo`).
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from search_spaces.errors import UsageError
from search_spaces.search_config import SearchConfig
from search_spaces.sweep_config import SweepConfig
from tuner.cluster.devices import Devices, check_shared
from tuner.run.environment import local_sources
from tuner.run.faults import full_disk_explained
from tuner.run.folder import SEARCH_FILE, RunFolder, check_new, holds_anything, write_atomically
from tuner.run.lock import Lock, aside, time_name
from tuner.run.record import GRID, SEARCH, check_kind, check_record, keep_record
from tuner.run.resume import read_environment
from tuner.run.storage import Storage
from tuner.run.storage_place import known_prefix, known_storage, remember

SCRATCH_FILE = ".scratch"  # in a run folder that the next --scratch run may delete; holds the folder's path


@dataclass(frozen=True)
class RunRequest:
    """Which run is asked for, new or (`resume`) earlier. `search`: how it is searched, None for a grid. `reads`: other
    runs that it starts from. `scratch`: mark it as one that may be deleted once it is replaced by another such."""

    path: Path
    config: SweepConfig
    storage_path: str | None = None
    resume: bool = False
    overwrite: bool = False
    search: SearchConfig | None = None
    reads: Sequence[Path] = ()
    scratch: bool = False


@dataclass(frozen=True)
class OpenedRun:
    """A run's folder and storage, locked; a new run's are as they were found until `begin`."""

    request: RunRequest
    folder: RunFolder
    storage: Storage

    def begin(self, devices: Devices) -> tuple[RunFolder, Storage]:
        """The folder and the storage to work in, once Ray runs. Where another run was, it is moved aside, and a line
        says where it is."""
        if self.request.resume:
            (self.folder.path / SCRATCH_FILE).unlink(missing_ok=True)  # somebody works with it now
            keep_record(self.folder.path)
        else:
            self._begin(devices)
        return self.folder, self.storage

    def _begin(self, devices: Devices) -> None:
        request, path = self.request, self.folder.path
        if request.config.tuned and not self.storage.remote:
            check_shared(path, devices)
        disposable = request.scratch and _is_scratch(path) and not self.storage.occupied
        moved = self._make_room(silent=disposable)
        self.folder.begin(request.config, {} if request.search is None else {SEARCH_FILE: request.search.to_dict()})
        if request.scratch:
            write_atomically(path / SCRATCH_FILE, f"{path}\n")
        self.storage.keep()
        if moved and disposable:
            shutil.rmtree(moved)

    def _make_room(self, silent: bool) -> Path | None:
        """Move storage and folder aside; where the folder is now. Says so, also where the second fails."""
        path, when, said = self.folder.path, time_name(), []
        old, prefix = known_storage(path).get("storage_path"), known_prefix(path)
        try:
            if stored := self.storage.make_room(when):
                said.append(f"its storage is {stored}")
                prefix = stored.rpartition("/")[2] if old == self.storage.uri else prefix
            if old is not None:  # the old run keeps its storage, whatever its folder is called from now on
                remember(path, old, prefix, aside(path, when).name)
            if moved := self.folder.make_room(when):
                said.insert(0, f"{path} is now {moved}")
            return moved
        finally:
            if said and not silent:
                print(f"the earlier run was moved aside: {'; '.join(said)}", flush=True)


@contextmanager
def open_run(request: RunRequest) -> Iterator[OpenedRun]:
    """The run, locked while the context is open. UsageError where it cannot be had, and for a disk that is full within
    the context."""
    with full_disk_explained(request.path):
        folder = _resumed(request) if request.resume else _created(request)
        storage: Storage | None = None
        try:
            if request.resume:
                storage = Storage.of(folder.path, request.storage_path)
                check_record(folder.path)
                read_environment(folder.path)
            else:
                storage = Storage.create(folder.path, request.storage_path, request.overwrite)
            yield OpenedRun(request, folder, storage)
        finally:
            folder.close()
            if storage is not None:
                storage.close()


def would_move(request: RunRequest) -> list[str]:
    """What `--overwrite` would move where, in words; changes nothing. UsageError where the run would be refused."""
    path, when = request.path.resolve(), time_name()
    check_new(request.path, request.overwrite)
    _check_outside(request)
    said = []
    if holds_anything(path):
        Lock(path, "a run folder").close()
        deleted = request.scratch and _is_scratch(path)
        said.append(f"{path} would be deleted (--scratch)" if deleted else f"{path} would become {aside(path, when)}")
    storage = Storage(path, request.storage_path)
    if storage.occupied:
        if storage.place.renames:
            there = Path(storage.place.base)
            Lock(there, "the storage of a run").close()
            said.append(f"{there} would become {aside(there, when)}")
        else:
            said.append(f"{storage.place.base} would stay, and the new run get a prefix of its own beside it")
    return said


def _resumed(request: RunRequest) -> RunFolder:
    check_kind(request.path, GRID if request.search is None else SEARCH)
    return RunFolder.resume(request.path)


def _created(request: RunRequest) -> RunFolder:
    _check_outside(request)
    return RunFolder.create(request.path, request.overwrite)


def _check_outside(request: RunRequest) -> None:
    """UsageError where a run that is to be replaced holds what the new one starts from."""
    config, path = request.config, request.path.resolve()
    if not holds_anything(path):
        return
    given = [(f"--{role.split()[0]}", Path(source)) for role, source in local_sources(config)]
    if config.data_dir:
        given.append(("--data-dir", Path(config.data_dir)))
    for option, source in [*given, *(("--from-run", run) for run in request.reads)]:
        if source.exists() and source.resolve().is_relative_to(path):
            raise UsageError(
                f"what a run starts from must lie outside the run that it replaces, but {option} {source} is in "
                f"{path}; give another --output-dir"
            )


def _is_scratch(path: Path) -> bool:
    """Was the run marked as scratch where it is, and not gone on with since? A copy elsewhere is none."""
    file = path / SCRATCH_FILE
    return file.is_file() and file.read_text(encoding="utf-8", errors="replace").strip() == str(path)
