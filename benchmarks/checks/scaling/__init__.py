"""One trial per GPU: how many trials per minute do 1, 2, 4, ... GPUs of one host measure?

    python -m benchmarks.checks.scaling --output DIR --gpus 1 2 -- --preset sst2 --model DIR --random-weights
    python -m benchmarks.checks.scaling --output DIR                  # of the runs that DIR holds

What follows `--` goes to `tuner.grid`, which runs once per number of GPUs as a command of its own that sees the first
so many cards (CUDA_VISIBLE_DEVICES). Meanwhile this process reads the energy counter of every card of the host, so that
a row's joules can be looked for on the card that it names, and on the others. A run that has ended is not made again.

Trials per minute are those of the measuring phase, from the first trial's start to the last one's end, with the anchor
and the matmul references that each worker measures first; `steady` leaves each worker's first trial out, as a long run
does. Bars: at least 0.9 x the number of GPUs over one GPU's; no GPU with two trials at once; every row's mean power is
what the counter of its card says.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    output: Path
    """Folder for the runs and scaling.json."""
    gpus: tuple[int, ...] = ()
    """How many cards, one run each."""
    options: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="OPTION ...")] = ()
    """Options of tuner.grid, after `--`."""


SCALING = Command("benchmarks.checks.scaling", __doc__, Arguments)
