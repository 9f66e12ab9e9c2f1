"""How much less does a choice need than the baseline? One trial of each, then the fresh trials that a sweep ends with.

    python -m benchmarks.experiments.headlines --preset qqp --model DIR --data-dir DIR --choice precision=fp16 \
        padding=packed backend=cuda_graph --output RUN

For a choice that an earlier sweep made: both run in one sweep on one card, so that the ratio is of one run and has an
interval. The baseline is the published way: fp32, the longest inputs, padded, eager. With --checkpoint or --finetune
accuracy is measured as well; without, weights are random and energy alone is told. No bar.
"""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    preset: str = "sst2-frontier"
    """Whose task, examples and settings."""
    choice: tuple[str, ...]
    """What of the baseline changes, as axis=value."""
    model: str | None = None
    """Hub id or folder."""
    checkpoint: str | None = None
    """A fine-tuned model; none: random weights of --model's shape."""
    finetune: bool = False
    """Fine-tune --model first, as the preset does."""
    data_dir: str | None = None
    """Folder with the preset's data; none: the hub."""
    output: Path
    """A run folder that does not exist yet."""


HEADLINES = Command("benchmarks.experiments.headlines", __doc__, Arguments)
