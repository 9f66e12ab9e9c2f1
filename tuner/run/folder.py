"""The folder of a run: made once, locked while a driver works in it, and never written over by another run.

sweep.json         what is measured (a SweepConfig), written first; search.json how, in a search (a SearchConfig)
environment.json   where: cards, driver, versions, git commit, digests; of later starts what differed
confirmation.json  what was chosen, written before the fresh trials that confirm it (trainables/rows/choice.py)
storage.json       where else the run is kept, if anywhere (storage.py)
checkpoints/       one Hugging Face folder per seed: model.safetensors, config.json, tokenizer, and their digests
ray/finetune-N     Ray Tune experiments, one more for every start; "finished" is decided from the trials' row
ray/measure-N      files (rows.py), since Ray's own lag by seconds and are cut short by a kill
"""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from search_spaces.sweep_config import SweepConfig
from trainables.rows.folder import check_folder

SWEEP_FILE, SEARCH_FILE, ENVIRONMENT_FILE = "sweep.json", "search.json", "environment.json"


class RunFolder:
    """A locked run folder. Made by `create` or `resume`; `close` releases the lock (as does the end of the process)."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        with _writable(self.path):
            self._lock = (self.path / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"one driver at a time may work in a run folder, but another holds {self.path}; "
                "wait for it, or give another --output-dir"
            ) from error

    @classmethod
    def create(cls, path: Path, config: SweepConfig, overwrite: bool = False) -> "RunFolder":
        """A new run. A folder that already holds anything is refused, unless it is a run to be overwritten."""
        occupied = check_new(path, overwrite)
        check_folder(path)
        with _writable(path):
            path.mkdir(parents=True, exist_ok=True)
        folder = cls(path)
        if occupied:
            for entry in folder.path.iterdir():
                if entry.name != ".lock":
                    is_folder = entry.is_dir() and not entry.is_symlink()
                    shutil.rmtree(entry) if is_folder else entry.unlink()
        folder.write_json(SWEEP_FILE, config.to_dict())
        return folder

    @classmethod
    def resume(cls, path: Path) -> "RunFolder":
        """An earlier run."""
        read_sweep(path)
        check_folder(path)
        return cls(path)

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


def check_new(path: Path, overwrite: bool) -> bool:
    """UsageError where a new run cannot have its folder there: a file, another run or something else is in the way, or
    nobody may write there. Reads and writes nothing. True for a run that is to be overwritten."""
    with _writable(path):
        is_file = path.exists() and not path.is_dir()
        occupied = path.is_dir() and any(path.iterdir())
        is_run = (path / SWEEP_FILE).is_file()
    if is_file:
        raise UsageError(f"--output-dir must be a folder, but {path} is a file; give another path")
    if occupied and not (overwrite and is_run):
        what = "holds another run" if is_run else "is not empty"
        raise UsageError(
            f"--output-dir must be new or empty, but {path} {what}; go on with it by --resume {path}, "
            "or give another folder" + (", or replace it with --overwrite" if is_run else "")
        )
    there = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise _not_writable(path, f"{there} cannot be written")
    return occupied


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


def read_sweep(path: Path) -> SweepConfig:
    """The sweep of an earlier run, as it was started."""
    file = path / SWEEP_FILE
    if not file.is_file():
        raise UsageError(f"--resume needs a run folder, but {path} has no {SWEEP_FILE}; give an earlier --output-dir")
    try:
        return SweepConfig.from_dict(json.loads(file.read_text()))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(f"{file} must hold the sweep's settings, but: {error}; start a new run") from error
