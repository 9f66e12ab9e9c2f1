"""Trained and random weights of one shape in turns."""

from typing import Any

import numpy as np

from benchmarks.experiments.weights import Arguments
from benchmarks.lib.bars import Bar
from benchmarks.lib.loads import Load, windows_of
from benchmarks.lib.output import table
from benchmarks.lib.shapes import GPU_BOUND, HOT, RANDOM_SEED, SEED, Shape, graph_backend, on_gpu, shape_for
from trainables.worker import Worker


def run(bench: Worker, arguments: Arguments) -> tuple[dict[str, Any], list[Bar]]:
    """Both weights of two shapes; no bars."""
    shapes = (shape_for(bench, HOT), shape_for(bench, GPU_BOUND, graph_backend(bench)))
    found = [_compare(bench, shape, arguments) for shape in shapes]
    print(
        table(
            ("configuration", "trained mJ", "random mJ", "ratio", "lowest", "highest"),
            [
                (
                    f["configuration"],
                    float(np.median(f["trained_j_per_example"])) * 1e3,
                    float(np.median(f["random_j_per_example"])) * 1e3,
                    f["median_ratio"],
                    f["lowest"],
                    f["highest"],
                )
                for f in found
            ],
        )
    )
    return {"configurations": found}, []


def _compare(bench: Worker, shape: Shape, arguments: Arguments) -> dict[str, Any]:
    trained, random = Load(bench, shape, SEED), Load(bench, shape, RANDOM_SEED)
    pairs = [
        (_energy_j(trained, arguments.weight_windows), _energy_j(random, arguments.weight_windows))
        for _ in range(arguments.weight_pairs)
    ]
    ratios = [a / b for a, b in pairs]
    return {
        "configuration": str(shape),
        "trained_j_per_example": [a for a, _ in pairs],
        "random_j_per_example": [b for _, b in pairs],
        "median_ratio": float(np.median(ratios)),
        "lowest": min(ratios),
        "highest": max(ratios),
    }


def _energy_j(load: Load, windows: int) -> float:
    """Joules per example of one stretch of load."""
    seconds = 1.0 if on_gpu(load.bench) else 0.2
    measured, _ = load.measure(windows_of(seconds, windows))
    return float(np.sum(measured.energies.energy_j)) / load.examples_in(measured)
