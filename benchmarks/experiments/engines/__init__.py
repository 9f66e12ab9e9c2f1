"""What do other engines bring on this device? Staged batches of SST-2 by eager PyTorch and by each engine that is here.

    python -m benchmarks.experiments.engines --checkpoint FINE_TUNED_DIR --data-dir DIR

Passes over all sentences take turns, so that a machine that others use slows all alike; the table has each
configuration's quickest and median pass, and of how many sentences the predicted class is not that of fp32, eager. No
bar.
"""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    checkpoint: str | None = None
    """Folder of a model fine-tuned on SST-2. None, for a smoke run: a tiny random one."""
    data_dir: Path | None = None
    """Folder with the validation file, as a sweep takes it; none: the hub."""
    rounds: int = 5
    """Passes of each configuration."""
    max_seq_len: int = 128
    """Tokens at most."""
    batch_size: int = 64
    """Inputs per batch."""
    cpus: int | None = None
    """CPU threads. None: all cores."""
    output: Path | None = None
    """Folder for the raw numbers, engines.json."""
    smoke: bool = False
    """A tiny model on made-up sentences: exercises the code, measures nothing."""


ENGINES = Command("benchmarks.experiments.engines", __doc__, Arguments)
