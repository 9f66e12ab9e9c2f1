"""Does measuring disturb what is measured? The harness against a bare PyTorch loop, in ms per example.

    python -m benchmarks.harness_overhead --model DIR --data-dir DIR --backends eager cuda_graph

A is `trainables.window.measure`, exactly as trials use it: the sampler's process reads the counter beside the loop, and
after every window but the first the interval is computed while the load waits (windows of 0.5 s here, a trial's are
1 s, so what that costs counts double). B is written by hand with PyTorch alone: the Hugging Face model called the plain
way, or `torch.compile` of it, or a CUDA graph of each batch replayed, as A's backend is; `torch.cuda.synchronize` and
`perf_counter` around, no sampler, no copy into a graph's inputs. Both run the same model object on the same staged
tensors (ids, token types and the ready boolean mask, rows x 1 x 1 x tokens), so that neither builds a mask.

A and B alternate (A B A B ...), the ratio of each pair is taken and the median reported.
Bar: at most 1.02 on the GPU-bound configuration for each backend. The launch-bound one (16 tokens, batch 64, eager) has
none: there the sampler's Python competes with the launches for the interpreter, and the ratio says how much.
Also shown: what a read of the counter costs, beside the load.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.cli import run_command

if TYPE_CHECKING:
    from benchmarks.common import Load
    from trainables.energy.trace import Trace
    from trainables.worker import Bench

NAME = "harness_overhead"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backends", nargs="+", default=["eager"], help="of the GPU-bound configuration")
    parser.add_argument("--pairs", type=int, default=5, help="A B pairs per configuration")
    parser.add_argument("--block-s", type=float, default=1.0, help="seconds of measured load in A and in B")
    parser.add_argument("--ratio-bar", type=float, default=1.02, help="largest median ratio, GPU-bound")


def run(bench: "Bench", arguments: argparse.Namespace) -> tuple[dict[str, Any], list[Any]]:
    from benchmarks.common import GPU_BOUND, LAUNCH_BOUND, Bar, Load, shape_for, table
    from benchmarks.meter_agreement import read_cost, read_summary

    shapes = [(shape_for(bench, GPU_BOUND, backend), True) for backend in arguments.backends]
    shapes.append((shape_for(bench, LAUNCH_BOUND), False))
    rows, bars, reads = [], [], []
    for shape, gpu_bound in shapes:
        load = Load(bench, shape)
        by_hand = _by_hand(load)
        _bare(load, by_hand, 0.3 * arguments.block_s)  # clocks up
        pairs = []
        for _ in range(arguments.pairs):
            harness, trace = _harness(load, arguments.block_s)
            pairs.append((harness, _bare(load, by_hand, arguments.block_s)))
            reads.append(trace.read_s)
        ratios = ratio_of_pairs(np.array(pairs))
        rows.append(
            {
                "configuration": str(shape),
                "gpu_bound": gpu_bound,
                "harness_ms_per_example": [a for a, _ in pairs],
                "bare_ms_per_example": [b for _, b in pairs],
                "ratios": ratios,
                "median_ratio": float(np.median(ratios)),
            }
        )
        if gpu_bound:
            bars.append(Bar(f"harness over bare loop, {shape}", float(np.median(ratios)), arguments.ratio_bar))
        del load, by_hand
    print(
        table(
            ("configuration", "harness ms/example", "bare ms/example", "ratio", "lowest", "highest"),
            [
                (
                    r["configuration"],
                    float(np.median(r["harness_ms_per_example"])),
                    float(np.median(r["bare_ms_per_example"])),
                    f"{r['median_ratio']:.4f}",
                    f"{min(r['ratios']):.4f}",
                    f"{max(r['ratios']):.4f}",
                )
                for r in rows
            ],
        )
    )
    read_s = np.concatenate(reads)
    print(f"reading the counter took {read_cost(read_s)} beside the load, {len(read_s)} reads")
    return {"configurations": rows, "read_ms": read_summary(read_s)}, bars


def ratio_of_pairs(pairs: np.ndarray) -> np.ndarray:
    """(n, 2) times of A and B -> n ratios A / B."""
    return pairs[:, 0] / pairs[:, 1]


def _harness(load: "Load", seconds: float) -> tuple[float, "Trace"]:
    """ms/example of the project's own measurement: two windows, the second behind a computed interval."""
    from search_spaces.sweep_config import Measuring
    from trainables.energy.sampler import Sampler
    from trainables.window import measure

    settings = Measuring(
        warmup_s=0.1 * seconds,
        min_window_s=seconds / 2,
        min_windows=1,
        min_total_s=seconds / 2,  # so the interval is computed after the first window, within the second
        target_ci=1e-9,  # never reached: windows end by time
        max_measure_s=seconds,
    )
    with Sampler(load.bench.meter) as sampler:
        windows = measure(load.run_pass, load.bench.synchronize, sampler, settings)
        trace = sampler.trace()
    examples = load.examples * int(windows.passes.sum())
    return 1e3 * float(windows.durations_s.sum()) / examples, trace


def _by_hand(load: "Load") -> list[Callable[[], Any]]:
    """One call per batch, of the load's backend, written with PyTorch alone."""
    import torch

    backend, model = load.shape.backend, load.model
    called: Callable[..., Any] = torch.compile(model, fullgraph=True) if backend.startswith("compile") else model
    batches = [batch.tensors() for batch in load.staged]
    if not backend.endswith("cuda_graph"):
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


def _bare(load: "Load", calls: list[Callable[[], Any]], seconds: float) -> float:
    """ms/example of the plain loop, synchronised at both ends only."""
    import torch

    def synchronize() -> None:
        if load.bench.device.type == "cuda":
            torch.cuda.synchronize()

    with torch.inference_mode():
        for call in calls:  # kernels chosen
            call()
        synchronize()
        begin = time.perf_counter()
        for call in calls:  # one pass to know how long one takes
            call()
        synchronize()
        passes = max(1, round(seconds / (time.perf_counter() - begin)))
        start = time.perf_counter()
        for _ in range(passes):
            for call in calls:
                call()
        synchronize()
        end = time.perf_counter()
    return 1e3 * (end - start) / (passes * load.examples)


def main(argv: Sequence[str]) -> int:
    from benchmarks import common

    return common.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
