"""Which correction for having compared many accuracies finds the most, and keeps its level?

    python -m benchmarks.experiments.multiplicity [--sweeps 400]

Power: the examples of recorded grids are drawn again with replacement. What a grid says of its configurations is then
the truth, and a false pass is one that is truly worse by the tolerance or more. Printed are how often there is a false
pass (family-wise error), how often anything passes, and the energy of the cheapest that passes (the baseline's where
nothing does) over that of the cheapest that is truly not worse.

Level: configurations that are worse by exactly one point, and flip examples of their own or mostly the same.

Compared: no correction, Holm over all configurations, Holm and max-T (what reports use) over different predictions, and
two sequences that are fixed before accuracy is seen and end at the first that does not pass: by energy, and by depth,
then length, then precision.
"""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    sweeps: int = 200
    """Data sets drawn per line."""
    output: Path | None = None
    """Folder for multiplicity.json."""


MULTIPLICITY = Command("benchmarks.experiments.multiplicity", __doc__, Arguments)
