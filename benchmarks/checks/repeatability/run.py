"""Trials of two configurations again and again, shuffled, between anchors: their spread, and what intervals hold."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from benchmarks.checks.repeatability import Arguments
from benchmarks.lib.bars import Bar
from benchmarks.lib.loads import Load
from benchmarks.lib.output import table
from benchmarks.lib.shapes import GPU_BOUND, HOT, LAUNCH_BOUND, SEED, Shape, on_gpu, shape_for, trial_of
from search_spaces.sweep_config import Measuring
from trainables.measure import measure_trial
from trainables.rows.interval import half_width
from trainables.worker import Worker

SUBSET = 3  # replicates of a published number (`--replicates 3`, README.md)
KEPT = (  # of each trial's row
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


def run(bench: Worker, arguments: Arguments) -> tuple[dict[str, Any], list[Bar]]:
    """Shuffled trials of both configurations between anchors; the bars are those of the GPU-bound one."""
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
    _print_summaries({f"{name} ({shapes[name]})": s for name, s in summaries.items()})
    _print_anchors(anchors)
    gpu = summaries["GPU-bound"]
    held = "headline interval holds the mean of the others, GPU-bound"
    bars = [
        Bar("coefficient of variation of J/example, GPU-bound", gpu["cv"], arguments.cv_bar),
        Bar(held, gpu["headline_coverage"], arguments.coverage_bar, at_least=True),
    ]
    return {"summaries": summaries, "anchors": anchors, "trials": trials}, bars


def _print_summaries(summaries: dict[str, dict[str, Any]]) -> None:
    print(
        table(
            ("configuration", "trials", "J/example", "CV %", "W", "headline %", "within-trial %", "first/rest"),
            [
                (
                    name,
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


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.2f}"


def _print_anchors(anchors: dict[str, dict[str, Any] | None]) -> None:
    reference = anchors["before neighbour"]
    if reference is None:
        return
    before = reference["energy_j_per_example"]
    print(
        table(
            ("anchor", "J/example", "W", "C", "vs before %"),
            [
                (
                    name,
                    a["energy_j_per_example"],
                    a["mean_power_w"],
                    a["temperature_c"],
                    f"{100 * (a['energy_j_per_example'] / before - 1):+.2f}",
                )
                for name, a in anchors.items()
                if a
            ],
        )
    )


def _trial(bench: Worker, name: str, shape: Shape, number: int, arguments: Arguments) -> dict[str, Any]:
    model = "demo-bert" if arguments.smoke else arguments.model
    row = measure_trial(trial_of(bench, model, shape, number), bench)
    if row["status"] != "ok":
        raise RuntimeError(f"trial {number} ({name}) failed: {row['error']}")
    return {"name": name, "number": number, "window_table": row["window_table"]} | {c: row[c] for c in KEPT}


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


def _neighbour(bench: Worker, seconds: float) -> dict[str, dict[str, Any] | None]:
    hot = Load(bench, shape_for(bench, HOT))
    before = _anchor(bench)
    hot.run_for(seconds)
    return {"before neighbour": before, "after neighbour": _anchor(bench), "later": _anchor(bench)}


def _anchor(bench: Worker) -> dict[str, Any] | None:
    """The anchor now, due or not; None on a CPU."""
    return bench.anchor(SEED) if on_gpu(bench) else None
