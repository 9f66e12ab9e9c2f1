"""Does a long run get slower or fatter? 500 demo trials in one run: memory of every process and overhead per trial.

    python -m benchmarks.checks.endurance --output DIR            # ten minutes on two cores
    python -m benchmarks.checks.endurance --read RUN --output DIR # of a run that was kept with --run RUN

The demo with very short windows runs as any sweep does, in a process of its own, while this one reads /proc once a
second: private memory (RssAnon: what a process allocated itself, not the shared object store) of the driver, of the
measuring process and of Ray's servers. A trial's overhead is what Tune and Ray spend between its end and the start of
the next.

Bars: memory per trial, fitted from trial 100 on (caches and allocators fill before that), at most what keeps a run of
10,000 trials below half a gigabyte for the driver, which keeps a record of every trial, and at most a tenth of that for
the measuring process, which should keep nothing; overhead of the last hundred trials at most 1.25 times that of the
first hundred. A machine that does something else besides blurs all of them.
"""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    output: Path
    """Folder for endurance.json and endurance.png."""
    trials: int = 500
    """Rounded up to whole replicates of 20 configurations."""
    run: Path | None = None
    """Folder of the run, kept; none: a temporary one."""
    read: Path | None = None
    """A folder that --run kept: nothing is run."""


ENDURANCE = Command("benchmarks.checks.endurance", __doc__, Arguments)
