"""Does a confirmed saving's interval hold the truth, whatever the noise? Bars: 92 % of sweeps in each cell, bias 3 %.

    python -m benchmarks.checks.coverage

Simulated sweeps of which the truth is known: 32 configurations with the energies of a recorded grid (H200, three
seeds), all of which keep their accuracy, so that there is most to choose from, and most to be wrong by. Each sweep
chooses the cheapest by its own trials and is then confirmed as a run is: fresh trials of baseline and choice, in their
order, and the ratio with Welch's interval. Truths differ in how much separate trials do; sweeps in how often they
measure. Then recorded trials are left out in turn: of a configuration measured once the interval must hold another of
its trials, in 90 % of each class of mean power that has 60 or more. No card is needed: seconds.
"""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    sweeps: int = 4000
    """Simulated in each cell."""
    seed: int = 0
    """Of the simulation."""
    output: Path | None = None
    """Folder for coverage.json; none: print only."""


COVERAGE = Command("benchmarks.checks.coverage", __doc__, Arguments)
