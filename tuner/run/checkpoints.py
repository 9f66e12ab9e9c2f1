"""Fine-tuning checkpoints, told from damaged ones by digests.

Tune copies a checkpoint to its storage file by file, in no order: after a kill any part of it may be missing or cut
short, and a disk may change a byte. So each checkpoint holds the digest of every file, and one that does not match is
never loaded: the one before it is, or the fine-tuning starts anew.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from trainables.finetune.finetune_trainable import FinetuneTrainable
from tuner.run.storage import download

DIGESTS_FILE = "digests.json"


class CheckpointDamaged(RuntimeError):
    """A checkpoint is not what was written."""


def write_digests(folder: Path) -> None:
    """Write the sha256 of every other file of a folder into it."""
    found = {p.name: _sha256(p) for p in sorted(folder.iterdir()) if p.is_file() and p.name != DIGESTS_FILE}
    (folder / DIGESTS_FILE).write_text(json.dumps(found, indent=2) + "\n")


def damage(folder: Path) -> str:
    """Which file of a folder is not as `write_digests` saw it; empty where all are."""
    try:
        wanted = json.loads((folder / DIGESTS_FILE).read_text())
        names = dict(wanted)
    except (OSError, ValueError, TypeError):
        return f"{DIGESTS_FILE} is missing or damaged"
    for name, digest in names.items():
        file = folder / str(name)
        if not file.is_file():
            return f"{name} is missing"
        if _sha256(file) != digest:
            return f"{name} does not match its digest"
    return ""


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class VerifiedFinetune(FinetuneTrainable):
    """`FinetuneTrainable` whose checkpoints carry digests, and which goes on from them wherever they are stored."""

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        super().save_checkpoint(checkpoint_dir)
        write_digests(Path(checkpoint_dir))

    def load_checkpoint(self, checkpoint_dir: str | dict[str, Any] | tuple[Any, str] | None) -> None:
        """`checkpoint_dir`: a local folder (Tune's), or (pyarrow file system, path), as the driver gives it."""
        if isinstance(checkpoint_dir, tuple):
            with tempfile.TemporaryDirectory() as copy:
                download(*checkpoint_dir, Path(copy))
                self.load_checkpoint(copy)
            return
        found = damage(Path(str(checkpoint_dir)))
        if found:
            raise CheckpointDamaged(f"a checkpoint must be as it was written, but in {checkpoint_dir} {found}")
        super().load_checkpoint(checkpoint_dir)
