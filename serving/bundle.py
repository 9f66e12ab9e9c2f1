"""The folder of an export: which files it holds, and jouletune.json, which says what they are.

Standard library alone, but for the configuration: whoever asks for `--help` or names a wrong folder waits for no torch.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from search_spaces.trial_config import TrialConfig
from trainables.rows.check import shortened

BUNDLE_FILE, CARD_FILE = "jouletune.json", "README.md"
VERSION = 1  # of the folder; a reader refuses any other


@dataclass(frozen=True)
class Bundle:
    """What is exported, and what was measured of it. Everything here was in the run; nothing is measured anew."""

    configuration: Mapping[str, Any]  # of a TrialConfig
    trial: str
    text_columns: tuple[str, ...]  # what the texts of one input are called
    labels: tuple[str, ...]  # the classes in the order of the outputs; none for question answering
    token_types: bool  # the model takes them
    tokens_per_batch: int | None  # of the trial, where packed
    cut_share: float | None  # of the evaluation's examples lose text to the limit; null where the data were not there
    measured: Mapping[str, Any]  # columns of the trial's row (docs/columns.md)
    recommendation: Mapping[str, Any] | None  # of recommendation.json; null where a trial was named
    finetuning: Mapping[str, Any] | None  # what it cost: train_energy_j, train_s, train_energy_source
    versions: Mapping[str, str]  # of the packages that made the folder
    made_at: str  # ISO time
    files: Mapping[str, str] = field(default_factory=dict)  # name -> SHA-256, of every other file but the card
    version: int = VERSION

    @property
    def config(self) -> TrialConfig:
        return TrialConfig.from_dict(dict(self.configuration))


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Write jouletune.json as the last file of a folder: the digests are of what is there by then."""
    written = asdict(bundle) | {"files": {name: sha256(folder / name) for name in listed(folder)}}
    (folder / BUNDLE_FILE).write_text(json.dumps(written, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_bundle(folder: Path, whole: bool = True) -> Bundle:
    """What an export's folder holds. UsageError where it is no export, one of another version, or (`whole`) where a
    file is not as it was written."""
    file = folder / BUNDLE_FILE
    if not file.is_file():
        missing = "does not exist" if not folder.exists() else f"has no {BUNDLE_FILE}"
        raise UsageError(
            f"an export is a folder that python -m serving.export made, but {folder} {missing}; export a run first"
        )
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        version = found.get("version")
    except (ValueError, AttributeError, RecursionError) as error:
        raise UsageError(f"{file} is damaged ({shortened(str(error))}); export the run again") from error
    if version != VERSION:
        raise UsageError(
            f"an export must be of version {VERSION}, but {folder} is of {version!r}; export the run again, or use the "
            "Jouletune that made it"
        )
    try:
        known = {f.name: found[f.name] for f in fields(Bundle)}
        bundle = Bundle(**known | {name: tuple(known[name]) for name in ("text_columns", "labels")})
        bundle.config  # noqa: B018 (an impossible configuration is damage)
        names = dict(bundle.files)
    except (ValueError, TypeError, KeyError, UsageError) as error:
        raise UsageError(f"{file} is damaged ({shortened(str(error))}); export the run again") from error
    if whole:
        check_files(folder, names)
    return bundle


def check_files(folder: Path, digests: Mapping[str, str]) -> None:
    """UsageError where a file is missing or not as it was written."""
    for name, digest in digests.items():
        file = folder / name
        problem = "is missing" if not file.is_file() else "" if sha256(file) == digest else "does not match its digest"
        if problem:
            raise UsageError(
                f"an export must be as it was written, but {name} in {folder} {problem}; copy or export it again"
            )


def listed(folder: Path) -> list[str]:
    """The files whose digests are kept. The card is the user's to edit."""
    return sorted(p.name for p in folder.iterdir() if p.is_file() and p.name not in (BUNDLE_FILE, CARD_FILE))


def sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
