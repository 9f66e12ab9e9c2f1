"""Every truth with every kind of sweep: a table, and the bars."""

from dataclasses import asdict

import numpy as np

from analysis.statistics.proportions import wilson
from benchmarks.checks.coverage import Arguments
from benchmarks.checks.coverage.held_out import ENOUGH, HeldOut, held_out
from benchmarks.checks.coverage.simulate import SWEEPS, Cell, cell
from benchmarks.checks.coverage.truths import truths
from benchmarks.lib.bars import Bar, judge, records
from benchmarks.lib.output import table, write_json
from search_spaces.errors import check

LEAST_COVERAGE, MOST_BIAS, LEAST_RECORDED = 0.92, 0.03, 0.9
HEADS = ("truth", "sweep", "held, %", "95 % of that", "bias, %", "unconfirmed, %", "high / low")


def run(arguments: Arguments) -> int:
    """Exit code 0 where every cell keeps the bars."""
    check(arguments.sweeps >= 100, "--sweeps must be at least 100", arguments.sweeps, "2000 tell 92 % from 93 %")
    rng = np.random.default_rng(arguments.seed)
    cells = [
        (truth.name, name, cell(truth, sweep, arguments.sweeps, rng))
        for truth in truths()
        for name, sweep in SWEEPS.items()
    ]
    print(table(HEADS, [[truth, name, *_words(found)] for truth, name, found in cells]), flush=True)
    left_out = held_out()
    print(table(("mean power", "held", "of", "share, %"), [_of_class(found) for found in left_out]), flush=True)
    held = min(found.held / found.sweeps for *_, found in cells)
    biased = max(abs(found.bias) for *_, found in cells)
    bars = [
        Bar("share of intervals that hold the truth, worst cell", held, LEAST_COVERAGE, at_least=True),
        Bar("bias of a confirmed saving, worst cell", biased, MOST_BIAS),
    ]
    bars += [
        Bar(f"recorded trials held, {found.power} ({found.held} of {found.trials})", found.share, LEAST_RECORDED, True)
        for found in left_out
        if found.trials >= ENOUGH
    ]
    kept = [{"truth": truth, "sweep": name} | asdict(found) for truth, name, found in cells]
    write_json(
        arguments.output, "coverage", {"cells": kept, "held_out": list(map(asdict, left_out)), "bars": records(bars)}
    )
    return judge(bars)


def _of_class(found: HeldOut) -> list[str]:
    return [found.power, str(found.held), str(found.trials), f"{100 * found.share:.1f}"]


def _words(found: Cell) -> list[str]:
    share = found.held / found.sweeps
    low, high = (float(v) for v in wilson(np.asarray(share), np.asarray(found.sweeps)))
    return [
        f"{100 * share:.1f}",
        f"{100 * low:.1f} to {100 * high:.1f}",
        f"{100 * found.bias:+.1f}",
        f"{100 * found.bias_of_the_sweep:+.1f}",
        f"{found.width:.3f}",
    ]
