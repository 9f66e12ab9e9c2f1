"""The row of a trial that measured nothing."""

import time
from collections.abc import Iterable
from typing import Any

from search_spaces.trial_config import TrialConfig
from trainables.rows.columns import empty_row
from trainables.rows.flags import join_flags


def unmeasured_row(
    trial: TrialConfig, status: str, error: str, reason: str, flags: Iterable[str] = (), **known: Any
) -> dict[str, Any]:
    """`status` is failed or oom, `error` says why in a line, `reason` why all measurements are null; `known` are other
    columns."""
    return empty_row(
        **trial.to_dict(),
        trial_id=trial.trial_id,
        status=status,
        error=error,
        started_at=time.time(),
        flags=join_flags(flags),
        null_reasons=f"all measurements: {reason}",
        **known,
    )
