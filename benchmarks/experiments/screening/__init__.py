"""How short may a sweep's own trials be, since the saving is told from fresh ones?

    python -m benchmarks.experiments.screening [--resamples 100]

Every recorded run that keeps its windows is cut: of each trial only some windows are kept, and the choice is made again
from what they say. Regret is the energy of that choice by the full recording over that of the cheapest configuration
that is not worse, less 1. Kept are the first n windows of each trial, as a shorter trial would have, and n drawn at
random from each. Where a run has several seeds, the choice is also made from one seed's trials and judged by the
others': that is what a choice costs that rests on one trial of each, cut or not.

Beside it stands what is left of the trials' time, of all together and of the median trial. Nothing else of a trial is
cut: an energy number rests on the warm-up (2 s, and until the passes settle), and windows shorter than 1 s are invalid.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[RUN ...]")] = ()
    """Run folders. Default: those of docs/results that keep windows."""
    windows: tuple[int, ...] = (1, 2, 3, 4)
    """How many windows of each trial are kept, of 1 s each."""
    resamples: int = 100
    """Random draws of which windows."""
    output: Path | None = None
    """Folder for screening.json."""


SCREENING = Command("benchmarks.experiments.screening", __doc__, Arguments)
