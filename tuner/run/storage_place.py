"""Where in a storage a run has its place: URI/PREFIX, PREFIX being the run folder's name unless another was chosen.

A place is moved aside like a folder where the storage is a file system. An object storage cannot rename: there what is
new gets another prefix, NAME.since-TIME, and the newest that holds a run is the run's.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow import ArrowException, fs

from search_spaces.errors import UsageError
from tuner.run.folder import STORAGE_FILE, SWEEP_FILE, write_atomically
from tuner.run.storage_uri import check_uri


@dataclass(frozen=True)
class Place:
    """A folder of a pyarrow file system."""

    fs: Any
    root: str
    prefix: str

    @property
    def base(self) -> str:
        return f"{self.root}/{self.prefix}"

    @property
    def renames(self) -> bool:
        """Is it a folder of this machine's file system (a shared disk), and no prefix of objects?"""
        return bool(self.fs.type_name == "local")

    @property
    def holds_run(self) -> bool:
        return _is_file(self.fs, f"{self.base}/{SWEEP_FILE}")

    def make(self, uri: str) -> None:
        """Make the folder. UsageError where the storage cannot be written."""
        try:
            self.fs.create_dir(self.base, recursive=True)
        except (ArrowException, OSError, ValueError) as error:
            raise _unusable(uri, error) from error


def place_of(run: Path, uri: str) -> Place:
    """The place that a run has, or would have, in a storage. UsageError where there is no such storage."""
    check_uri(uri)
    try:
        system, path = file_system(uri)
    except (ArrowException, OSError, ValueError) as error:
        raise _unusable(uri, error) from error
    found = Place(system, path.rstrip("/"), run.name)
    if found.renames and Path(found.base).resolve() == run.resolve():
        raise UsageError(
            f"--storage-path must be another place than the run's own, but {uri} holds {run}; give another"
        )
    if known_storage(run).get("storage_path") == uri and known_prefix(run) != run.name:
        return Place(system, found.root, known_prefix(run))
    return found if found.renames else _newest(found)


def file_system(uri: str) -> tuple[Any, str]:
    """(pyarrow file system, path in it) of a folder or URI."""
    found: tuple[Any, str] = fs.FileSystem.from_uri(str(Path(uri).resolve()) if "://" not in uri else uri)
    return found


def later(place: Place, when: str) -> Place:
    """Another place for a new run where an object storage holds one already."""
    name = place.prefix.partition(".since-")[0]
    return Place(place.fs, place.root, f"{name}.since-{when}")


def known_storage(run: Path) -> dict[str, str]:
    """storage.json of a run folder, {} where there is none. UsageError where it is damaged."""
    file = run / STORAGE_FILE
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text())
        return {"storage_path": str(found["storage_path"])} | {
            k: str(found[k]) for k in ("prefix", "folder") if k in found
        }
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{file} must name the run's storage, but is damaged ({error}); delete it and give --storage-path"
        ) from error


def known_prefix(run: Path) -> str:
    """The place that storage.json names, as long as the folder is called what it was called then (a copy is not)."""
    known = known_storage(run)
    return known.get("prefix", run.name) if known.get("folder") == run.name else run.name


def remember(run: Path, uri: str, prefix: str, folder: str) -> None:
    """Write storage.json: the run folder, as long as it is named `folder`, has its place in the storage at `prefix`."""
    named = {} if prefix == folder else {"prefix": prefix, "folder": folder}
    write_atomically(run / STORAGE_FILE, json.dumps({"storage_path": uri} | named) + "\n")


def _newest(place: Place) -> Place:
    begin = f"{place.prefix}.since-"
    there = place.fs.get_file_info(fs.FileSelector(place.root, allow_not_found=True))
    names = sorted((info.base_name for info in there if info.base_name.startswith(begin)), reverse=True)
    places = (Place(place.fs, place.root, name) for name in names)
    return next((found for found in places if found.holds_run), place)


def _is_file(system: Any, path: str) -> bool:
    return bool(system.get_file_info([path])[0].is_file)


def _unusable(uri: str, error: Exception) -> UsageError:
    return UsageError(
        f"--storage-path must be a folder or a URI (s3://, gs://, file://) that can be written, but {uri}: "
        f"{error}; check its name, its credentials, and that it exists"
    )
