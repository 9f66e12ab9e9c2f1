"""Where a report goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from search_spaces.errors import UsageError


def report_folder(paths: Sequence[Path], output: str | Path | None, prefix: str = "report") -> Path:
    """The folder, made if need be; a UsageError where it cannot be written. `prefix`: of a folder beside several
    runs."""
    if output is not None:
        folder = Path(output)
    elif len(paths) == 1:
        folder = paths[0] if paths[0].is_dir() else paths[0].with_name(f"{paths[0].stem}-{prefix}")
    else:
        folder = paths[0].parent / f"{prefix}-{'-'.join(p.stem for p in paths[:3])}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".report-probe"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"the report must go into a folder that can be written, but {folder}: {error.strerror}; give --output DIR"
        ) from error
    return folder
