"""What runs were to measure: the configuration that a sweep compares all others with, measured or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.rows.load import load_environment, run_names
from search_spaces.axes import AXES
from search_spaces.errors import UsageError

PLANNED = "baseline"  # in environment.json: the configuration's value on each axis


def load_planned(*paths: str | Path) -> dict[str, dict[str, Any]]:
    """By run, as rows call it, the baseline that it was started with; nothing of what is no run folder, or is of an
    older version or damaged."""
    folders = [Path(path) for path in paths]
    found = {}
    for name, folder in zip(run_names(folders), folders, strict=True):
        try:
            planned = load_environment(folder).get(PLANNED)
            if isinstance(planned, dict) and set(planned) <= set(AXES):
                for axis, value in planned.items():
                    AXES[axis].check(value)
                found[name] = planned
        except (UsageError, TypeError):
            continue
    return found
