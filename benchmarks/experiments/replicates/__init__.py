"""Which model of the spread between trials tells best how far a trial that it has not seen will lie away?

    python -m benchmarks.experiments.replicates [--splits 60]

Recorded runs with replicates are replayed: some configurations keep all their trials, of each other one trial is kept
and another held out. A model sees what was kept and gives the 95 % interval of the held-out trial about the kept one.
Printed are how often it holds the trial, and the interval score (its width in percent, plus 40 times what is missed:
Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation", Journal of the American Statistical
Association 102, 359, 2007), lower being better; by mean power: below 230, to 520, above 520 W of 700.

The model in use was chosen on the runs named "chosen", and is judged on the others.
"""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    repeated: tuple[int, ...] = (3, 5, 16)
    """How many configurations of a run keep all their trials; all but one is always shown."""
    splits: int = 60
    """Random choices of them."""
    output: Path | None = None
    """Folder for replicates.json."""


REPLICATES = Command("benchmarks.experiments.replicates", __doc__, Arguments)
