"""How little energy does the whole model need, cutting no token of any sentence and no layer?

    python -m benchmarks.checks.frontier --model BERT_BASE_SHAPE --data-dir SST2 --output RUN     # measure
    python -m benchmarks.checks.frontier --model MINILM --checkpoint DIR --data-dir SST2 --verify RUN    # outputs
    python -m benchmarks.checks.frontier --model BERT_BASE_SHAPE --data-dir SST2 --profile RUN    # where the time goes
    python -m benchmarks.checks.frontier --read RUN    # the bars again, without a card

The paper's baseline (fp32, 128 tokens, batch 64, eager, padded to the limit) against the configurations of points.py,
in one sweep with random weights of the model's shape; then the ends (the baseline, tf32 and fp16 as the paper runs
them, and the two cheapest) get two more trials each. It can be interrupted and started again.

Bars, of the cheapest configuration whose logits are within LOGIT_ERROR of the baseline's and which, with fine-tuned
weights, flips at most 2 of SST-2's 872 predictions: it needs at most 1/40 of the baseline's energy per example.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import analysis
from benchmarks.checks.frontier.points import AS_PUBLISHED, AXES, BASELINE, POINTS, TOKENS, Point, cheapest, trials
from benchmarks.checks.frontier.savings import faithful, limits_of, point_of, savings
from benchmarks.lib.bars import Bar, judge
from benchmarks.lib.command import parse
from benchmarks.lib.output import table, write_json
from search_spaces.errors import UsageError
from search_spaces.sweep_config import Axes, SweepConfig

if TYPE_CHECKING:
    import pandas as pd

    from benchmarks.checks.frontier.outputs import Opened

SAVING = 40.0
REPLICATES = 3
LOGITS = "frontier_logits_{}"
SHOWN_KERNELS = 12


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """One run folder, and what to do with it; `--output` and `--verify` may name the same."""

    model: str | None = None
    """Folder or hub id: its shape, with random weights."""
    data_dir: Path | None = None
    """Folder with SST-2's dev.tsv; none: the hub."""
    output: Path | None = None
    """Run folder: measure."""
    verify: Path | None = None
    """A run folder whose cheapest configurations are compared in logits."""
    profile: Path | None = None
    """A run folder whose cheapest configurations are profiled."""
    read: Path | None = None
    """A run folder whose bars are printed again: needs no card."""
    checkpoint: str | None = None
    """Fine-tuned weights for --verify."""
    verify_points: int = 3
    """How many are verified or profiled."""
    max_measure_s: float = 10.0
    """As tuner.grid's."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what is asked to the one run folder, then print its tables and bars; exit code 0 where they are met."""
    arguments = parse(Arguments, "benchmarks.checks.frontier", __doc__, argv)
    folders = {arguments.output, arguments.verify, arguments.profile, arguments.read} - {None}
    if len(folders) != 1:
        raise UsageError("give one run folder with --output, --verify, --profile or --read")
    if not (arguments.model or arguments.read):
        raise UsageError("--output, --verify and --profile need --model")
    (folder,) = folders
    assert folder is not None
    if arguments.output:
        write_json(folder, "frontier", savings(measure(str(arguments.model), folder, arguments)))
    if arguments.verify:
        _verify(folder, arguments)
    if arguments.profile:
        _profile(folder, arguments)
    return conclude(folder)


def measure(model: str, folder: Path, arguments: Arguments) -> "pd.DataFrame":
    """All points once, then the ends again; the rows."""
    from trainables.model.loading import load_config  # transformers and Ray, which --read and --help do not wait for
    from tuner import sweep

    depth = load_config(model).num_hidden_layers
    config = SweepConfig(
        model=model,
        data_dir=str(arguments.data_dir) if arguments.data_dir else None,
        random_weights=True,
        axes=Axes(max_seq_len=(TOKENS,), depth=(depth,)),
    )
    config = replace(config, measuring=replace(config.measuring, max_measure_s=arguments.max_measure_s))
    singles = trials(model, depth, POINTS)
    started = (folder / "sweep.json").is_file()
    rows = sweep.run(config, folder, trials=singles, resume=started).rows
    ends = [*AS_PUBLISHED, *cheapest(rows, 2)]
    more = [t for r in range(1, REPLICATES) for t in trials(model, depth, ends, r)]
    order = np.random.default_rng(0).permutation(len(more))
    return sweep.run(config, folder, trials=[*singles, *(more[i] for i in order)], resume=True).rows


def _verify(folder: Path, arguments: Arguments) -> None:
    from benchmarks.checks.frontier.outputs import verify  # torch

    points = cheapest(analysis.load(folder), arguments.verify_points)
    opened = _opened(arguments)
    compared = verify(opened, points, trained=arguments.checkpoint is not None)
    opened.bench.meter.close()
    write_json(folder, LOGITS.format("trained" if arguments.checkpoint else "random"), compared)


def _profile(folder: Path, arguments: Arguments) -> None:
    from benchmarks.checks.frontier.kernels import profile  # torch

    points = cheapest(analysis.load(folder), arguments.verify_points)
    opened = _opened(arguments)
    profiled = profile(opened, points)
    opened.bench.meter.close()
    write_json(folder, "frontier_kernels", profiled)
    names = [k for k in profiled[0] if k != "kernels"]
    print(table(names, [[r[k] for k in names] for r in profiled]))
    for result in profiled:
        print("\n" + ", ".join(map(str, point_of(result))))
        heads = ("kind", "calls", "us_per_pass", "kernel")
        kernels = result["kernels"][:SHOWN_KERNELS]
        print(table(heads, [[*map(k.get, heads[:3]), k["kernel"][:90]] for k in kernels]))


def _opened(arguments: Arguments) -> "Opened":
    from benchmarks.checks.frontier.outputs import Opened

    return Opened(arguments.model, arguments.checkpoint, arguments.data_dir)


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


def _print_steps(grid: "pd.DataFrame", point: Point) -> None:
    """From the baseline to a configuration, one axis switched at a time, or why that cannot be told."""
    start, end = (grid[(grid[AXES] == list(k)).all(axis=1)].iloc[0] for k in (BASELINE, point))
    try:
        steps = analysis.decompose(grid, start, end)
    except analysis.CannotAnswer as reason:
        print(reason)
        return
    rows = [(s.axis, s.before, s.after, 1e3 * s.energy_before, 1e3 * s.energy_after, s.saving.value) for s in steps]
    print(table(("axis", "before", "after", "mJ before", "mJ after", "times less, in this order"), rows))
