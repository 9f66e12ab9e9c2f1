"""Replay every grid with every sampler and seed."""

from typing import Any

import optuna

from benchmarks.checks.search_efficiency import Arguments
from benchmarks.checks.search_efficiency.recorded_grid import read_grid
from benchmarks.checks.search_efficiency.replay import replay_all
from benchmarks.checks.search_efficiency.report import report
from benchmarks.lib.bars import Bar, judge, records
from benchmarks.lib.output import write_json
from search_spaces.errors import check
from search_spaces.samplers import SAMPLERS


def run(arguments: Arguments) -> int:
    """Print each grid's table, keep the numbers, and judge the bars of all."""
    check(len(arguments.grids) > 0, "one recorded grid or more must be given", [], "give run folders or tables")
    for name in arguments.samplers:
        _ = SAMPLERS[name]  # raises for one that is not known
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    bars: list[Bar] = []
    found: list[dict[str, Any]] = []
    for path in arguments.grids:
        grid = read_grid(path)
        replays = replay_all(grid, arguments.samplers, arguments.seeds, not arguments.no_prune)
        text, own, numbers = report(grid, replays)
        print(text, flush=True)
        bars += own
        found.append(numbers)
    write_json(arguments.output, "search_efficiency", {"bars": records(bars), "grids": found})
    return judge(bars)
