"""10,000 rows through `analysis` on 2 cores: load, Pareto, fit and tables in at most 3 s, the whole report
(bootstrap aside) in at most 15 s.

    python -m benchmarks.checks.analysis_scale

Each is timed in a fresh process, imports included.
"""

from dataclasses import dataclass

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    rows: int = 10_000
    """How many."""
    distinct: bool = False
    """Every row is a configuration of its own."""


ANALYSIS_SCALE = Command("benchmarks.checks.analysis_scale", __doc__, Arguments)
