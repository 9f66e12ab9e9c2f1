"""sweep.json: what a run was asked to measure."""

import json
from pathlib import Path

from search_spaces.errors import UsageError
from search_spaces.sweep_config import SweepConfig
from trainables.rows.check import shortened
from trainables.rows.folder import SWEEP_FILE


def read_sweep(run: Path, remedy: str) -> SweepConfig:
    """The sweep of a run folder, as it was started. UsageError where the folder holds none (`remedy`: what to give
    instead), or what it holds is damaged."""
    file = run / SWEEP_FILE
    if not file.is_file():
        raise UsageError(
            f"a run folder must hold {SWEEP_FILE} (written by tuner.grid or tuner.search), but {run} "
            f"{'has none' if run.is_dir() else 'does not exist'}; {remedy}"
        )
    try:
        sweep = SweepConfig.from_dict(json.loads(file.read_text(encoding="utf-8")))
        if not isinstance(sweep.data_dir, str | None):
            raise TypeError("data_dir must be text")
        return sweep
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{file} must hold the sweep's settings, but: {shortened(str(error))}; restore it, or start a new run"
        ) from error
