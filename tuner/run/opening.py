"""A run folder to work in, with its storage."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search_spaces.sweep_config import SweepConfig
from tuner.run.faults import full_disk_explained
from tuner.run.folder import RunFolder
from tuner.run.storage import Storage, claim


@contextmanager
def open_run(
    path: Path, config: SweepConfig, storage_path: str | None, *, resume: bool, overwrite: bool
) -> Iterator[tuple[RunFolder, Storage]]:
    """The folder of a new run, or with `resume` of an earlier one, locked while the context is open.

    UsageError where it cannot be had, and for a disk that is full within the context.
    """
    with full_disk_explained(path):
        if not resume:
            claim(path, storage_path, overwrite)
        folder = RunFolder.resume(path) if resume else RunFolder.create(path, config, overwrite)
        try:
            yield folder, Storage.of(folder.path, storage_path)
        finally:
            folder.close()
