"""How many trials, and how many GPU-seconds, does the search need for the answer of a grid?

    python -m benchmarks.checks.search_efficiency docs/results/GRID [--seeds 20] [--output DIR]

Recorded grids are replayed: the search (the same FrontierSearch, samplers, pruning rule and stopping rules as in
`python -m tuner.search`, without Ray) suggests a configuration and is given its recorded row. A trial costs its
recorded seconds. A pruned one costs its set-up, half of its warm-up and its first window, and its bounds come from
that window (windows.parquet; without it, from the whole row).

The answer is the cheapest configuration that is not worse than the baseline, by all of the grid's rows and the report's
own test. Regret is the energy of the cheapest such configuration that was measured so far, over the answer's, less 1.
Found is 2 % of it. "stops at" is where the default rules end the search, with the regret at that moment.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.lib.command import Command
from search_spaces.samplers import SAMPLERS


@dataclass(frozen=True, kw_only=True)
class Arguments:
    grids: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="GRID [GRID ...]")]
    """Run folders or tables with a full grid."""
    seeds: int = 20
    """How many times each sampler searches."""
    samplers: tuple[str, ...] = tuple(SAMPLERS)
    """Which."""
    no_prune: bool = False
    """Measure every trial in full."""
    output: Path | None = None
    """Folder for search_efficiency.json."""


SEARCH_EFFICIENCY = Command("benchmarks.checks.search_efficiency", __doc__, Arguments)
