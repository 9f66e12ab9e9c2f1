"""What runs chose before their fresh trials, by the run's name in the rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.rows.load import run_names
from trainables.rows.choice import Choice, read_choices


def load_choices(*paths: str | Path) -> list[tuple[str, Choice]]:
    """(run, choice) of every choice of the run folders among the paths, the newest of a run first; may be empty."""
    folders = [Path(p) for p in paths]
    named: Sequence[tuple[Path, str]] = list(zip(folders, run_names(folders), strict=True))
    return [(name, choice) for path, name in named if path.is_dir() for choice in reversed(read_choices(path))]
