"""The folder of a run: made once, locked while a driver works in it, and never written over by another run, but moved
aside where that is asked for.

sweep.json         what is measured (a SweepConfig), written first; search.json how, in a search (a SearchConfig)
environment.json   where: cards, driver, versions, git commit, digests; of later starts what differed
confirmation.json  what was chosen, written before the fresh trials that confirm it (trainables/rows/choice.py)
storage.json       where else the run is kept, if anywhere (storage_place.py)
checkpoints/       one Hugging Face folder per seed: model.safetensors, config.json, tokenizer, and their digests
ray/finetune-N     Ray Tune experiments, one more for every start; "finished" is decided from the trials' row
ray/measure-N      files (rows.py), since Ray's own lag by seconds and are cut short by a kill
"""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from search_spaces.sweep_config import SweepConfig
from trainables.rows import folder as rows_folder
from trainables.rows import sweep_file
from trainables.rows.folder import check_folder
from tuner.run.lock import LOCK_FILE, Lock, move_aside

SWEEP_FILE, SEARCH_FILE, ENVIRONMENT_FILE = rows_folder.SWEEP_FILE, "search.json", rows_folder.ENVIRONMENT_FILE
STORAGE_FILE = "storage.json"


class RunFolder:
    """A locked run folder. Had by `create` or `resume`; `close` releases the lock (as does the end of the process)."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock = _lock(self.path)

    @classmethod
    def create(cls, path: Path, overwrite: bool = False) -> "RunFolder":
        """The folder of a new run, made where there is none; what it holds stays as it is until `make_room`.

        A folder that holds anything is refused, unless it is a run that may be replaced.
        """
        check_new(path, overwrite)
        with _writable(path):
            path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def resume(cls, path: Path) -> "RunFolder":
        """An earlier run."""
        read_sweep(path)
        check_folder(path)
        return cls(path)

    def make_room(self, when: str) -> Path | None:
        """Move the run that is there aside, to a name with `when`: where it is now, None where there was none."""
        if not holds_anything(self.path):
            return None
        moved = move_aside(self.path, when)
        old, self._lock = self._lock, _lock(self.path)
        old.close()
        return moved

    def begin(self, config: SweepConfig, others: Mapping[str, Any] | None = None) -> None:
        """Write the settings of a new run (`others`: further files, name -> content)."""
        for name, value in (others or {}).items():
            self.write_json(name, value)
        self.write_json(SWEEP_FILE, config.to_dict())  # the last: it makes the folder a run

    @property
    def ray_dir(self) -> Path:
        return self.path / "ray"

    def next_experiment(self, phase: str) -> str:
        """A name no start of this run has used: Tune would hide earlier trials of an experiment it repeats."""
        number = sum(1 for _ in self.ray_dir.glob(f"{phase}-*"))
        while (self.ray_dir / f"{phase}-{number}").exists():
            number += 1
        return f"{phase}-{number}"

    def checkpoint(self, name: str) -> Path:
        return self.path / "checkpoints" / name

    def write_json(self, name: str, value: Any) -> None:
        """Write a file that is either the old or the new one, whatever happens."""
        write_atomically(self.path / name, json.dumps(value, indent=2) + "\n")

    def close(self) -> None:
        self._lock.close()


def check_new(path: Path, overwrite: bool) -> None:
    """UsageError where a new run cannot have its folder there: a file, another run or something else is in the way, or
    nobody may write there. Writes nothing."""
    with _writable(path):
        is_file = path.exists() and not path.is_dir()
        occupied = holds_anything(path)
        is_run = (path / SWEEP_FILE).is_file()
    if is_file:
        raise UsageError(f"--output-dir must be a folder, but {path} is a file; give another path")
    if occupied and not (overwrite and is_run):
        what = "holds another run" if is_run else "is not empty"
        raise UsageError(
            f"--output-dir must be new or empty, but {path} {what}; go on with it by --resume {path}, "
            "or give another folder" + (", or have it moved aside by --overwrite" if is_run else "")
        )
    there = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise _not_writable(path, f"{there} cannot be written")
    check_folder(path)


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # explained by `tuner.run.faults`
        raise _not_writable(path, error.strerror or str(error)) from error


def _not_writable(path: Path, why: str) -> UsageError:
    return UsageError(f"the folder of a run must be one that can be written, but {path}: {why}; give another")


def write_atomically(file: Path, text: str) -> None:
    """Write a file that is either the old or the new one, whatever happens: a kill, a full disk, a power cut."""
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def holds_anything(path: Path) -> bool:
    """Is there anything in a folder but the lock of a driver that began nothing?"""
    return path.is_dir() and any(entry.name != LOCK_FILE for entry in path.iterdir())


def _lock(path: Path) -> Lock:
    with _writable(path):
        return Lock(path, "a run folder")


def read_sweep(path: Path) -> SweepConfig:
    """The sweep of an earlier run, as it was started."""
    return sweep_file.read_sweep(path, "give an earlier --output-dir")
