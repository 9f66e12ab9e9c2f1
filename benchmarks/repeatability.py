"""Is a number the same when it is measured again, and does the stated interval say how much it is not?

    python -m benchmarks.repeatability --model DIR --data-dir DIR --repeats 10

One process, as in a sweep (the worker is reused): a GPU-bound configuration (fp16, 128 tokens, batch 256) is
measured `--repeats` times in separate trials (`measure_trial`: model cut, cast and staged anew each time), shuffled
among trials of a launch-bound one (fp16, 16 tokens, batch 64, eager). Trials are shorter than a sweep's (1 s of
warm-up, 3 windows of 1 s) so that this costs a minute; longer ones can only repeat better.

Bars: the coefficient of variation of J/example of the GPU-bound one at most 1 %; the headline interval (Student-t
over 3 replicates, every choice of 3) holds the mean of the other replicates at least 90 % of the time. For normal
values without drift it would be 93 % with 7 others, not 95 %: the others' mean is uncertain too. The choices share
trials, so 120 of them say less than 120 experiments would. Reported without a bar: the launch-bound configuration,
and how often the within-trial interval (over the windows of one trial) holds the mean of the other trials, which
DESIGN.md section 3 rule 4 says is too rarely.

Then the anchor (`Bench.anchor`, fp16): cold, right after the process's idle reading; before and twice after a 680 W
neighbour (fp32, 128 tokens, batch 256). Does it move?
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.cli import run_command

if TYPE_CHECKING:
    from benchmarks.common import Shape
    from trainables.worker import Bench

NAME = "repeatability"
SUBSET = 3  # replicates of a published number (DESIGN.md section 3 rule 2)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeats", type=int, default=10, help="trials of the GPU-bound configuration")
    parser.add_argument("--launch-repeats", type=int, default=5, help="trials of the launch-bound one")
    parser.add_argument("--repeat-backend", default="eager", help="backend of the GPU-bound configuration")
    parser.add_argument("--repeat-warmup-s", type=float, default=1.0, help="seconds of warm-up per trial")
    parser.add_argument("--repeat-window-s", type=float, default=1.0, help="seconds of a window")
    parser.add_argument("--repeat-windows", type=int, default=3, help="windows per trial")
    parser.add_argument("--neighbour-s", type=float, default=5.0, help="seconds of the hot neighbour")
    parser.add_argument("--cv-bar", type=float, default=0.01, help="largest coefficient of variation")
    parser.add_argument("--coverage-bar", type=float, default=0.9, help="smallest coverage of the headline")


def run(bench: "Bench", arguments: argparse.Namespace) -> tuple[dict[str, Any], list[Any]]:
    from benchmarks.common import GPU_BOUND, LAUNCH_BOUND, Bar, shape_for, table
    from search_spaces.sweep_config import Measuring

    total_s = arguments.repeat_windows * arguments.repeat_window_s
    bench.settings = Measuring(
        warmup_s=arguments.repeat_warmup_s,
        min_window_s=arguments.repeat_window_s,
        min_windows=arguments.repeat_windows,
        min_total_s=total_s,
        max_measure_s=total_s,  # every trial alike: none is prolonged until its interval is narrow
    )
    anchors = {"cold": _anchor(bench)}
    shapes = {
        "GPU-bound": shape_for(bench, GPU_BOUND, arguments.repeat_backend),
        "launch-bound": shape_for(bench, LAUNCH_BOUND),
    }
    counts = {"GPU-bound": arguments.repeats, "launch-bound": arguments.launch_repeats}
    order = [name for name, count in counts.items() for _ in range(count)]
    np.random.default_rng(0).shuffle(order)
    trials = [_trial(bench, name, shapes[name], number, arguments) for number, name in enumerate(order)]
    anchors |= _neighbour(bench, arguments.neighbour_s)

    summaries = {name: summary([t for t in trials if t["name"] == name]) for name in shapes}
    print(
        table(
            ("configuration", "trials", "J/example", "CV %", "W", "headline %", "within-trial %", "first/rest"),
            [
                (
                    f"{name} ({shapes[name]})",
                    s["trials"],
                    s["mean_j_per_example"],
                    _percent(s["cv"]),
                    s["mean_power_w"],
                    _percent(s["headline_coverage"]),
                    _percent(s["within_trial_coverage"]),
                    s["first_over_rest"],
                )
                for name, s in summaries.items()
            ],
        )
    )
    shown = [(name, a) for name, a in anchors.items() if a]
    reference = anchors["before neighbour"]
    if reference:
        print(
            table(
                ("anchor", "J/example", "W", "C", "vs before %"),
                [
                    (
                        name,
                        a["energy_j_per_example"],
                        a["mean_power_w"],
                        a["temperature_c"],
                        f"{100 * (a['energy_j_per_example'] / reference['energy_j_per_example'] - 1):+.2f}",
                    )
                    for name, a in shown
                ],
            )
        )
    gpu = summaries["GPU-bound"]
    bars = [
        Bar("coefficient of variation of J/example, GPU-bound", gpu["cv"], arguments.cv_bar),
        Bar(
            "headline interval holds the mean of the others, GPU-bound",
            gpu["headline_coverage"],
            arguments.coverage_bar,
            at_least=True,
        ),
    ]
    return {"summaries": summaries, "anchors": anchors, "trials": trials}, bars


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.2f}"


def _trial(bench: "Bench", name: str, shape: "Shape", number: int, arguments: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.common import trial
    from trainables.measure import measure_trial

    model = "demo-bert" if arguments.smoke else arguments.model
    row = measure_trial(trial(bench, model, shape, number), bench)
    if row["status"] != "ok":
        raise RuntimeError(f"trial {number} ({name}) failed: {row['error']}")
    columns = (
        "energy_j_per_example",
        "energy_j_per_example_ci95",
        "edge_error_j_per_example",
        "counter_power_residual",
        "latency_ms_per_example",
        "mean_power_w",
        "temperature_start_c",
        "temperature_end_c",
        "sm_clock_mhz",
        "windows",
        "window_s",
        "warmup_s",
        "trial_s",
        "started_at",
        "flags",
    )
    return {"name": name, "number": number, "window_table": row["window_table"]} | {c: row[c] for c in columns}


def summary(trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the trials of one configuration, in the order of time, say together; None where too few are there."""
    energy = np.array([t["energy_j_per_example"] for t in trials])
    within = np.array([t["energy_j_per_example_ci95"] for t in trials], float)
    several = len(trials) > 1
    return {
        "trials": len(trials),
        "mean_j_per_example": float(energy.mean()) if len(trials) else None,
        "cv": coefficient_of_variation(energy) if several else None,
        "mean_power_w": float(np.mean([t["mean_power_w"] for t in trials])) if len(trials) else None,
        "headline_coverage": headline_coverage(energy) if len(trials) > SUBSET else None,
        "within_trial_coverage": within_coverage(energy, within) if several else None,
        "first_over_rest": float(energy[0] / energy[1:].mean()) if several else None,
    }


def coefficient_of_variation(values: np.ndarray) -> float:
    """Sample standard deviation over the mean."""
    return float(np.std(values, ddof=1) / np.mean(values))


def headline_coverage(values: np.ndarray, subset: int = SUBSET) -> float:
    """How often the Student-t 95 % interval of `subset` values holds the mean of the others (all choices)."""
    from trainables.window import half_width

    held = []
    for chosen in combinations(range(len(values)), subset):
        inside = np.isin(np.arange(len(values)), chosen)
        part, others = values[inside], values[~inside]
        held.append(abs(part.mean() - others.mean()) <= half_width(part))
    return float(np.mean(held))


def within_coverage(values: np.ndarray, half_widths: np.ndarray) -> float:
    """How often a value's own interval (value +- half-width) holds the mean of the other values."""
    others = (values.sum() - values) / (len(values) - 1)
    return float(np.mean(np.abs(values - others) <= half_widths))


def _neighbour(bench: "Bench", seconds: float) -> dict[str, dict[str, Any] | None]:
    from benchmarks.common import HOT, Load, shape_for

    hot = Load(bench, shape_for(bench, HOT))
    before = _anchor(bench)
    hot.run_for(seconds)
    return {"before neighbour": before, "after neighbour": _anchor(bench), "later": _anchor(bench)}


def _anchor(bench: "Bench") -> dict[str, Any] | None:
    """The anchor now, due or not; None on a CPU."""
    from benchmarks.common import SEED
    from trainables.worker import ANCHOR_EVERY

    bench._trials_since_anchor = ANCHOR_EVERY
    return bench.anchor(SEED)


def main(argv: Sequence[str]) -> int:
    from benchmarks import common

    return common.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
