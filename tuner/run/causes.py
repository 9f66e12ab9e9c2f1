"""Why a trial failed, from what Tune and Ray wrote of it: one line, and the row of a trial that could not report."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from search_spaces.trial_config import TrialConfig
from trainables.error_lines import lines_of, raised
from trainables.rows.unmeasured import unmeasured_row

# What Ray writes of a dead process -> what to tell. The first that is found counts.
_DEATHS = (
    ("running low on memory", "Ray ended the trial's process because the host ran out of memory"),
    ("its node has died", "the node of the trial died"),
    ("The actor is temporarily unavailable", "the node of the trial was lost"),  # before Ray knows that it died
    (
        "worker process has died",
        "the trial's process died: killed from outside (a host without memory does that, too), or crashed",
    ),
)


def why_failed(trial: Any) -> str:
    """One line: what ended the last attempt of one of Tune's trials."""
    try:
        return cause_of(Path(trial.error_file).read_text(encoding="utf-8", errors="replace"))
    except (OSError, TypeError):
        return "the trial's process died"


def cause_of(error_file: str) -> str:
    """One line from Tune's error.txt: why the last attempt failed."""
    last = re.sub(r"\x1b\[[0-9;]*m", "", re.split(r"^Failure # .*$", error_file, flags=re.MULTILINE)[-1])
    lines = lines_of(last)
    if not lines:
        return "the trial's process died"
    if "raised in its creation task" not in last:
        for words, cause in _DEATHS:
            if words in last:
                return cause
    return (raised(lines) or lines[-1])[:500]


def lost_row(job: dict[str, Any], cause: str, flags: Collection[str] = ()) -> dict[str, Any]:
    """The row of a trial whose processes died before they could report."""
    memory = "memory" in cause and "killed from outside" not in cause
    status = "oom" if memory else "failed"
    return unmeasured_row(TrialConfig.from_dict(job), status, f"{cause} (tried twice)", cause, flags=flags)
