"""How few examples stand for all in an energy pass? Tokens and windows per example of evenly spaced subsets.

    python -m benchmarks.experiments.subsets --preset squad --model DIR --data-dir DIR

A preset whose validation set is large measures energy over a subset, evenly spaced in the order of the examples'
lengths (`energy_examples`). What a pass costs follows from its tokens: printed is, for each size, how far the subset's
real tokens and inputs per example are from those of all examples, at each length of the preset. No bar.
"""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    preset: str = "squad"
    """Whose task and lengths."""
    model: str
    """Hub id or folder, whose tokenizer is taken."""
    data_dir: Path | None = None
    """Folder with the preset's data; none: the hub."""
    sizes: tuple[int, ...] = (512, 1024, 2048)
    """Examples in a subset."""
    output: Path | None = None
    """Folder for subsets.json."""


SUBSETS = Command("benchmarks.experiments.subsets", __doc__, Arguments)
