"""The harness and a loop written by hand, in turns on one load."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.checks.harness_overhead import Arguments
from benchmarks.lib.bars import Bar
from benchmarks.lib.loads import Load
from benchmarks.lib.output import table
from benchmarks.lib.readings import read_cost, read_summary
from benchmarks.lib.shapes import GPU_BOUND, LAUNCH_BOUND, Shape, on_gpu, shape_for
from search_spaces.errors import check
from search_spaces.sweep_config import Measuring
from trainables.energy.trace import Trace
from trainables.worker import Worker

# Backends that are written again here: whether compiled, whether captured.
BY_HAND = {
    "eager": (False, False),
    "cuda_graph": (False, True),
    "compile": (True, False),
    "compile_cuda_graph": (True, True),
}


def run(bench: Worker, arguments: Arguments) -> tuple[dict[str, Any], list[Bar]]:
    """A bar for each backend of the GPU-bound configuration."""
    for backend in arguments.backends:
        check(backend in BY_HAND, f"--backends must be of {', '.join(BY_HAND)}", backend, "write it by hand here first")
    shapes = [(shape_for(bench, GPU_BOUND, backend), True) for backend in arguments.backends]
    shapes.append((shape_for(bench, LAUNCH_BOUND), False))
    found, bars, reads = [], [], []
    for shape, gpu_bound in shapes:
        compared, read_s = _compare(bench, shape, arguments)
        found.append(compared | {"gpu_bound": gpu_bound})
        reads += read_s
        if gpu_bound:
            bars.append(Bar(f"harness over bare loop, {shape}", compared["median_ratio"], arguments.ratio_bar))
    print(
        table(
            ("configuration", "harness ms/example", "bare ms/example", "ratio", "lowest", "highest"),
            [
                (
                    f["configuration"],
                    float(np.median(f["harness_ms_per_example"])),
                    float(np.median(f["bare_ms_per_example"])),
                    f"{f['median_ratio']:.4f}",
                    f"{min(f['ratios']):.4f}",
                    f"{max(f['ratios']):.4f}",
                )
                for f in found
            ],
        )
    )
    all_s = np.concatenate(reads)
    print(f"reading the counter took {read_cost(all_s)} beside the load, {len(all_s)} reads")
    return {"configurations": found, "read_ms": read_summary(all_s)}, bars


def _compare(bench: Worker, shape: Shape, arguments: Arguments) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Pairs of one configuration, and the times (s) of the counter's reads in each."""
    load = Load(bench, shape)
    by_hand = _by_hand(load)
    _bare(load, by_hand, 0.3 * arguments.block_s)  # clocks up
    pairs, reads = [], []
    for _ in range(arguments.pairs):
        harness, trace = _harness(load, arguments.block_s)
        pairs.append((harness, _bare(load, by_hand, arguments.block_s)))
        reads.append(trace.read_s)
    ratios = ratio_of_pairs(np.array(pairs))
    found = {
        "configuration": str(shape),
        "harness_ms_per_example": [a for a, _ in pairs],
        "bare_ms_per_example": [b for _, b in pairs],
        "ratios": ratios,
        "median_ratio": float(np.median(ratios)),
    }
    return found, reads


def ratio_of_pairs(pairs: np.ndarray) -> np.ndarray:
    """(n, 2) times of A and B -> n ratios A / B."""
    ratios: np.ndarray = pairs[:, 0] / pairs[:, 1]
    return ratios


def _harness(load: Load, seconds: float) -> tuple[float, Trace]:
    """ms/example of the project's own measurement: two windows, the second behind a computed interval."""
    settings = Measuring(
        warmup_s=0.1 * seconds,
        min_window_s=seconds / 2,
        min_windows=1,
        min_total_s=seconds / 2,  # so the interval is computed after the first window, within the second
        target_ci=1e-9,  # never reached: windows end by time
        max_measure_s=seconds,
    )
    windows, trace = load.measure(settings)
    return 1e3 * float(windows.durations_s.sum()) / load.examples_in(windows), trace


def _by_hand(load: Load) -> list[Callable[[], Any]]:
    """One call per batch, of the load's backend, written with PyTorch alone."""
    compiled, captured = BY_HAND[load.shape.backend]
    called: Callable[..., Any] = torch.compile(load.model, fullgraph=True) if compiled else load.model
    batches = [batch.tensors() for batch in load.staged]
    if not captured:
        return [partial(called, **batch) for batch in batches]
    replays: list[Callable[[], Any]] = []
    for batch in batches:
        side = torch.cuda.Stream()
        with torch.cuda.stream(side), torch.inference_mode():
            for _ in range(3):
                called(**batch)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.inference_mode(), torch.cuda.graph(graph):
            called(**batch)
        replays.append(graph.replay)
    return replays


def _bare(load: Load, calls: list[Callable[[], Any]], seconds: float) -> float:
    """ms/example of the plain loop, synchronised at both ends only."""
    synchronize: Callable[[], None] = torch.cuda.synchronize if on_gpu(load.bench) else lambda: None

    def passes_s(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            for call in calls:
                call()
        synchronize()
        return time.perf_counter() - begin

    with torch.inference_mode():
        passes_s(1)  # kernels chosen
        passes = max(1, round(seconds / passes_s(1)))
        return 1e3 * passes_s(passes) / (passes * load.examples)
