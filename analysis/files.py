"""Files that are either the old or the new one, whatever happens while they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A path beside `file` to write to; it takes the name of `file` when the block ends without an error.

    Its name ends as that of `file` does, since writers choose the format by it. The folder is made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.stem}.{os.getpid()}.tmp{file.suffix}")
    temporary.unlink(missing_ok=True)  # of a killed process that had this number, or a link that somebody planted
    try:
        yield temporary
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(file: str | Path, text: str) -> None:
    """`text` as UTF-8 into `file`, atomically; what UTF-8 cannot say (the bytes of an odd file name) as "?"."""
    with replacing(Path(file)) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
