"""One measurement in a process of its own, imports included.

python -m benchmarks.checks.analysis_scale.step tables rows.csv
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from benchmarks.lib.command import Command

LIMITS_S = {"tables": 3.0, "report": 15.0}


@dataclass(frozen=True, kw_only=True)
class Arguments:
    what: tyro.conf.Positional[Literal["tables", "report"]]
    """The module that is timed."""
    file: tyro.conf.Positional[Path]
    """Rows."""
    distinct: bool = False
    """Every row is a configuration of its own."""


STEP = Command("benchmarks.checks.analysis_scale.step", __doc__, Arguments)
