"""Cut every recorded run to so many windows and choose again."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import numpy as np

from analysis.findings.configurations import configurations
from benchmarks.experiments.screening import Arguments
from benchmarks.experiments.screening.cut import ENERGY, Recorded, read
from benchmarks.experiments.screening.judge import LABEL, Judge
from benchmarks.lib.output import table, write_json
from benchmarks.redraw import RESULTS
from search_spaces.errors import check

BAR = 0.01  # regret
ITSELF, OTHER_SEEDS = "itself", "other seeds"  # whose trials judge
HEAD = ("run", "judged by", "trials", "windows", "time", "median trial", "regret", "drawn: mean", "worst", "above 1 %")


@dataclass(frozen=True)
class Line:
    """A run whose trials are cut to so many windows."""

    run: str
    judged_by: str
    trials: int
    windows: int
    time_left: float  # share of all trials' time
    median_time_left: float  # of the median trial's
    regret: float  # of the first windows
    drawn_mean: float
    drawn_worst: float
    drawn_above: float  # share of draws above BAR


def run(arguments: Arguments) -> int:
    """Print a line per run and number of windows, then what each number costs over all runs."""
    check(arguments.resamples > 0, "--resamples must be at least 1", arguments.resamples, "100 are usual")
    check(all(n > 0 for n in arguments.windows), "--windows must be at least 1", arguments.windows, "try 1 2 3 4")
    paths: Sequence[Path] = arguments.runs or sorted(f.parent for f in RESULTS.glob("*/windows.parquet"))
    lines = []
    for path in paths:
        for recorded, judge, by in _judged(read(path)):
            # All of them, too: judged by other trials, a choice that rests on whole ones has its regret as well.
            counts = sorted({*arguments.windows, *([recorded.most_windows] if by == OTHER_SEEDS else [])})
            lines += [_line(recorded, judge, by, count, arguments.resamples) for count in counts]
    print(table(HEAD, [astuple(line) for line in lines]))
    for by in (ITSELF, OTHER_SEEDS):
        for count in sorted({line.windows for line in lines if line.judged_by == by}):
            print(_over_all([line for line in lines if line.judged_by == by and line.windows == count]))
    write_json(arguments.output, "screening", [asdict(line) for line in lines])
    return 0


def _judged(recorded: Recorded) -> Iterator[tuple[Recorded, Judge, str]]:
    """(whose trials choose, who judges): the run and itself; of several seeds also each and the others' mean."""
    yield recorded, Judge(recorded.rows), ITSELF
    seeds = sorted(recorded.rows["seed"].unique())
    for seed in seeds if len(seeds) > 1 else ():
        own, others = recorded.of_seed(seed), recorded.rows[recorded.rows["seed"] != seed]
        energy = configurations(others).set_index(LABEL)[ENERGY]
        yield own, Judge(own.rows, energy), OTHER_SEEDS


def _line(recorded: Recorded, judge: Judge, by: str, count: int, resamples: int) -> Line:
    rng = np.random.default_rng(0)
    first = judge.regret(recorded.cut(lambda size: np.arange(min(count, size))))
    draws = resamples if count < recorded.most_windows else 1
    drawn = np.array(
        [
            judge.regret(recorded.cut(lambda size: rng.choice(size, min(count, size), replace=False)))
            for _ in range(draws)
        ]
    )
    left = recorded.time_left(count)
    above = float((drawn > BAR).mean())
    return Line(recorded.name, by, len(recorded.rows), count, *left, first, drawn.mean(), drawn.max(), above)


def _over_all(lines: Sequence[Line]) -> str:
    """What one number of windows costs over runs that are judged alike."""
    first, mean, worst, above, left, median = (
        np.array([getattr(line, name) for line in lines])
        for name in ("regret", "drawn_mean", "drawn_worst", "drawn_above", "time_left", "median_time_left")
    )
    return (
        f"judged by {lines[0].judged_by}, {lines[0].windows} windows, {len(lines)} runs: regret of the first "
        f"{first.mean():.2%}, worst {first.max():.2%}; drawn {mean.mean():.2%}, worst {worst.max():.2%}, above "
        f"{BAR:.0%} in {above.mean():.1%}; time left {left.min():.0%} to {left.max():.0%}, of the median trial "
        f"{median.min():.0%} to {median.max():.0%}"
    )
