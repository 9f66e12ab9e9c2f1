"""Measure, compare or profile one run folder, then judge it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import analysis
from benchmarks.checks.frontier import Arguments
from benchmarks.checks.frontier.kernels import profile
from benchmarks.checks.frontier.outputs import Opened, verify
from benchmarks.checks.frontier.points import AS_PUBLISHED, AXES, BASELINE, POINTS, TOKENS, Point, cheapest, trials
from benchmarks.checks.frontier.savings import faithful, limits_of, point_of, savings
from benchmarks.lib.bars import Bar, judge
from benchmarks.lib.output import table, write_json
from search_spaces.errors import UsageError
from search_spaces.sweep_config import Axes, SweepConfig
from trainables.model.loading import load_config
from tuner import sweep

SAVING = 40.0
REPLICATES = 3
LOGITS = "frontier_logits_{}"
SHOWN_KERNELS = 12


def run(arguments: Arguments) -> int:
    """Do what is asked to the one run folder, then print its tables and bars; exit code 0 where they are met."""
    folders = {arguments.output, arguments.verify, arguments.profile, arguments.read} - {None}
    if len(folders) != 1:
        raise UsageError("give one run folder with --output, --verify, --profile or --read")
    if not (arguments.model or arguments.read):
        raise UsageError("--output, --verify and --profile need --model")
    (folder,) = folders
    assert folder is not None
    if arguments.output:
        write_json(folder, "frontier", savings(measure(str(arguments.model), folder, arguments)))
    if arguments.verify or arguments.profile:
        points = cheapest(analysis.load(folder), arguments.verify_points)
        opened = Opened(arguments.model, arguments.checkpoint, arguments.data_dir)
        if arguments.verify:
            trained = arguments.checkpoint is not None
            write_json(folder, LOGITS.format("trained" if trained else "random"), verify(opened, points, trained))
        if arguments.profile:
            profiled = profile(opened, points)
            write_json(folder, "frontier_kernels", profiled)
            _print_kernels(profiled)
        opened.bench.meter.close()
    return conclude(folder)


def measure(model: str, folder: Path, arguments: Arguments) -> pd.DataFrame:
    """All points once, then the ends again; the rows."""
    depth = load_config(model).num_hidden_layers
    config = SweepConfig(
        model=(model,),
        data_dir=str(arguments.data_dir) if arguments.data_dir else None,
        random_weights=True,
        axes=Axes(max_seq_len=(TOKENS,), depth=(depth,)),
    )
    config = replace(config, measuring=replace(config.measuring, max_measure_s=arguments.max_measure_s))
    singles = trials(model, depth, POINTS)
    started = (folder / "sweep.json").is_file()
    rows = sweep.run(config, folder, trials=singles, resume=started, confirm=False).rows
    ends = [*AS_PUBLISHED, *cheapest(rows, 2)]
    more = [t for r in range(1, REPLICATES) for t in trials(model, depth, ends, r)]
    order = np.random.default_rng(0).permutation(len(more))
    every = [*singles, *(more[i] for i in order)]
    return sweep.run(config, folder, trials=every, resume=True, confirm=False).rows


def _print_kernels(profiled: list[dict[str, Any]]) -> None:
    names = [k for k in profiled[0] if k != "kernels"]
    print(table(names, [[r[k] for k in names] for r in profiled]))
    for result in profiled:
        print("\n" + ", ".join(map(str, point_of(result))))
        heads = ("kind", "calls", "us_per_pass", "kernel")
        kernels = result["kernels"][:SHOWN_KERNELS]
        print(table(heads, [[*map(k.get, heads[:3]), k["kernel"][:90]] for k in kernels]))


def conclude(folder: Path) -> int:
    """Print what was measured and compared, where the saving comes from, and the bars."""
    rows = analysis.load(folder)
    found = savings(rows)
    names = [k for k in found[0] if k not in ("flags", "latency_ms_per_example")]
    print(table(names, [[r[k] for k in names] for r in found]))
    compared = _compared(folder)
    kept = faithful(compared)
    best = next((r for r in reversed(found) if point_of(r) in kept), None)
    bars = [Bar("saving of the cheapest faithful configuration", None, SAVING, at_least=True)]
    if best is not None:
        point = point_of(best)
        bars = [replace(bars[0], value=best["saving_over_fp32"])]
        limits = limits_of(compared, point.precision)
        bars += [Bar(name, float(kept[point][name]), limit) for name, limit in limits.items()]
        print(f"\nthe cheapest faithful configuration: {', '.join(map(str, point))}")
        _print_steps(analysis.configurations(analysis.valid(rows)[0]), point)
    return judge(bars)


def _compared(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What was compared with the baseline's outputs, by the kind of weights; printed on the way."""
    compared: dict[str, list[dict[str, Any]]] = {}
    for kind in ("random", "trained"):
        file = folder / f"{LOGITS.format(kind)}.json"
        if file.is_file():
            compared[kind] = json.loads(file.read_text())
            names = list(compared[kind][0])
            print(f"\n{kind} weights, outputs against the baseline's")
            print(table(names, [[r[k] for k in names] for r in compared[kind]]))
    return compared


def _print_steps(grid: pd.DataFrame, point: Point) -> None:
    """From the baseline to a configuration, one axis switched at a time, or why that cannot be told."""
    start, end = (grid[(grid[AXES] == list(k)).all(axis=1)].iloc[0] for k in (BASELINE, point))
    try:
        steps = analysis.decompose(grid, start, end)
    except analysis.CannotAnswer as reason:
        print(reason)
        return
    rows = [(s.axis, s.before, s.after, 1e3 * s.energy_before, 1e3 * s.energy_after, s.saving.value) for s in steps]
    print(table(("axis", "before", "after", "mJ before", "mJ after", "times less, in this order"), rows))
