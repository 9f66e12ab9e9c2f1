"""How many trials, and how many GPU-seconds, does the search need for the frontier of a grid?

    python -m benchmarks.checks.search_efficiency docs/results/GRID [--seeds 20] [--output DIR]

Recorded grids are replayed: the search (the same FrontierSearch, samplers, pruning rule and stopping rules as in
`python -m tuner.search`, without Ray) suggests a configuration and is given its recorded row. A trial costs its
recorded seconds. A pruned one costs its set-up, half of its warm-up and its first window, and its bounds come from
that window (windows.parquet; without it, from the whole row).

Reached is 99 % of the full grid's hypervolume in accuracy and log10 J/example, up to one reference point: the worst
accuracy and the highest energy among the grid's rows. "best subset" is the fewest trials that could have done it,
found exactly by dynamic programming over the frontier: no search can know it beforehand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from benchmarks.lib.bars import Bar, judge, records
from benchmarks.lib.command import parse
from benchmarks.lib.output import write_json
from search_spaces.errors import check
from search_spaces.search_config import SAMPLER_NAMES


@dataclass(frozen=True, kw_only=True)
class Arguments:
    grids: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders or tables with a full grid."""
    seeds: int = 20
    """How many times each sampler searches."""
    samplers: tuple[str, ...] = SAMPLER_NAMES
    """Which."""
    no_prune: bool = False
    """Measure every trial in full."""
    output: Path | None = None
    """Folder for search_efficiency.json."""


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse(Arguments, "benchmarks.checks.search_efficiency", __doc__, argv)
    check(len(arguments.grids) > 0, "one recorded grid or more must be given", [], "give run folders or tables")
    for name in arguments.samplers:
        check(name in SAMPLER_NAMES, f"--samplers must be of {', '.join(SAMPLER_NAMES)}", name, "see docs/search.md")
    import optuna  # this and Ray (of the search) are what --help does not wait for

    from benchmarks.checks.search_efficiency.recorded_grid import read_grid
    from benchmarks.checks.search_efficiency.replay import run
    from benchmarks.checks.search_efficiency.report import report

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    bars: list[Bar] = []
    found: list[dict[str, Any]] = []
    for path in arguments.grids:
        grid = read_grid(path)
        text, own, numbers = report(grid, run(grid, arguments.samplers, arguments.seeds, not arguments.no_prune))
        print(text, flush=True)
        bars += own
        found.append(numbers)
    write_json(arguments.output, "search_efficiency", {"bars": records(bars), "grids": found})
    return judge(bars)
