"""What a sweep costs beside measuring: seconds per trial outside warm-up and windows, and where they go.

    python -m benchmarks.checks.sweep_overhead --model DIR --data-dir DIR --output DIR
    python -m benchmarks.checks.sweep_overhead --preset demo --output DIR
    python -m benchmarks.checks.sweep_overhead --read RUN            # of a run that exists

A sweep with short windows (what lies between them does not depend on their length) runs twice: as always, one process
per GPU for all trials, and then a few of the same trials with a fresh process for each. A trial's overhead is the time
from its start to the next trial's, less its warm-up and windows: setting up the model and batches, the pass that gives
the accuracy, the last counter tick, Tune and Ray. Trials that measured the anchor or a matmul reference before they
started are left out of the median (they are one in sixteen) and in the mean.

Bar: median at most 0.5 s on a GPU.
"""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    preset: str = "sst2"
    """Whose axes and settings; but for demo, axes and windows are shortened."""
    model: str | None = None
    """Hub id or folder (random weights of its shape)."""
    data_dir: str | None = None
    """Folder with the preset's data; none: the hub."""
    depth: tuple[int, ...] = (2, 4, 6)
    """Layers kept."""
    fresh: int = 3
    """Trials with a process of their own."""
    read: Path | None = None
    """A run folder to read instead of running one."""
    output: Path | None = None
    """Folder for the runs and sweep_overhead.json."""


SWEEP_OVERHEAD = Command("benchmarks.checks.sweep_overhead", __doc__, Arguments)
