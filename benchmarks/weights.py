"""Do random weights draw as much as trained ones? J/example of one shape with both, alternating on one card.

    python -m benchmarks.weights --model FINE_TUNED_DIR --data-dir DIR

Switching power depends on the bits that move. The ratio trained / random of each pair (A B A B ...) is what a joule
measured with --random-weights has to be multiplied by. No bar: it is a correction, reported with its range.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.cli import run_command

if TYPE_CHECKING:
    from benchmarks.common import Load
    from trainables.worker import Bench

NAME = "weights"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weight-pairs", type=int, default=3, help="pairs of trained and random per configuration")
    parser.add_argument("--weight-windows", type=int, default=3, help="windows of 1 s in each half of a pair")


def run(bench: "Bench", arguments: argparse.Namespace) -> tuple[dict[str, Any], list[Any]]:
    from benchmarks.common import GPU_BOUND, HOT, RANDOM_SEED, SEED, Load, shape_for, table

    rows = []
    for shape in (shape_for(bench, HOT), shape_for(bench, GPU_BOUND, "cuda_graph" if _cuda(bench) else "eager")):
        trained, random = Load(bench, shape, SEED), Load(bench, shape, RANDOM_SEED)
        pairs = [
            (_energy_j(trained, arguments.weight_windows), _energy_j(random, arguments.weight_windows))
            for _ in range(arguments.weight_pairs)
        ]
        ratios = [a / b for a, b in pairs]
        rows.append(
            {
                "configuration": str(shape),
                "trained_j_per_example": [a for a, _ in pairs],
                "random_j_per_example": [b for _, b in pairs],
                "median_ratio": float(np.median(ratios)),
                "lowest": min(ratios),
                "highest": max(ratios),
            }
        )
        del trained, random
    print(
        table(
            ("configuration", "trained mJ", "random mJ", "ratio", "lowest", "highest"),
            [
                (
                    r["configuration"],
                    float(np.median(r["trained_j_per_example"])) * 1e3,
                    float(np.median(r["random_j_per_example"])) * 1e3,
                    r["median_ratio"],
                    r["lowest"],
                    r["highest"],
                )
                for r in rows
            ],
        )
    )
    return {"configurations": rows}, []


def _cuda(bench: "Bench") -> bool:
    return bench.device.type == "cuda"


def _energy_j(load: "Load", windows: int) -> float:
    """Joules per example of one stretch of load."""
    from search_spaces.sweep_config import Measuring
    from trainables.energy.sampler import Sampler
    from trainables.window import measure

    seconds = 1.0 if _cuda(load.bench) else 0.2
    settings = Measuring(
        warmup_s=seconds,
        min_window_s=seconds,
        min_windows=windows,
        min_total_s=windows * seconds,
        max_measure_s=windows * seconds,
    )
    with Sampler(load.bench.meter) as sampler:
        measured = measure(load.run_pass, load.bench.synchronize, sampler, settings)
    return float(np.sum(measured.energies.energy_j)) / (load.examples * int(measured.passes.sum()))


def main(argv: Sequence[str]) -> int:
    from benchmarks import common

    return common.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
