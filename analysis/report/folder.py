"""Where a report goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.files import replacing
from analysis.rows.trust import trusted
from search_spaces.errors import UsageError
from trainables.rows.folder import check_folder


def report_folder(paths: Sequence[Path], output: str | Path | None, prefix: str = "report") -> Path:
    """The folder, made if need be; a UsageError where it cannot be written, or would lead elsewhere. `prefix`: of a
    folder beside several runs."""
    if output is not None:
        folder = Path(output)
    elif len(paths) == 1:
        folder = paths[0] if paths[0].is_dir() else paths[0].with_name(f"{paths[0].stem}-{prefix}")
    else:
        folder = paths[0].parent / f"{prefix}-{'-'.join(p.stem for p in paths[:3])}"
    derived = output is None and folder not in paths
    _check_links(folder, derived)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / ".report-probe") as probe:
            probe.touch()
        (folder / ".report-probe").unlink()
    except OSError as error:
        raise UsageError(
            f"the report must go into a folder that can be written, but {folder}: {error.strerror}; give --output DIR"
        ) from error
    return folder


def _check_links(folder: Path, derived: bool) -> None:
    """UsageError where writing there would follow a link that somebody else may have planted. `derived`: its name is
    made of the input's, and nobody asked for that very place."""
    if derived and folder.is_symlink():
        raise UsageError(
            f"a report is not written through a link beside its input, but {folder} leads to {folder.resolve()}; "
            "give --output DIR"
        )
    if folder.is_dir() and (derived or not trusted()):
        check_folder(folder)
