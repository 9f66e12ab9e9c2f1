"""Where the time of a configuration's pass goes, by its kernels on the card."""

import time
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.checks.frontier.outputs import Opened
from benchmarks.checks.frontier.points import Point
from search_spaces.trial_config import TrialConfig
from trainables.model.flops import config_sizes

# By a kernel's name, the first that fits: attention (ours and PyTorch's, parts of which are called cutlass, too),
# matrix products (the libraries' and ours), what torch.compile or `trainables.model.fused` fused.
KINDS = {
    "attention": ("_attend", "fmha", "flash", "sdpa"),
    "matmul": ("gemm", "nvjet", "cutlass", "cublas", "_linear_gelu"),
    "fused": ("triton", "_add_norm", "_gelu", "_quantise", "_finish"),
}
WARM_UP_PASSES, PROFILED_PASSES = 50, 20
DEAREST = 25  # kernels that are kept


def kind_of(kernel: str) -> str:
    """One of KINDS, or other."""
    return next((kind for kind, parts in KINDS.items() if any(p in kernel.lower() for p in parts)), "other")


def linear_flop(tokens: int, trial: TrialConfig, hidden: int, intermediate: int) -> float:
    """FLOP of the linear layers that run over so many tokens, without attention's own products; where inputs are
    packed the last layer goes on behind its attention with the first tokens alone, which are not counted."""
    layer = 8 * hidden**2 + 4 * hidden * intermediate
    last = 6 * hidden**2 if trial.padding == "packed" else layer
    return float(tokens) * (layer * (trial.depth - 1) + last)


def profile(opened: Opened, points: Sequence[Point]) -> list[dict[str, Any]]:
    """Kernels of a pass of each configuration: us per pass and share of the card's time, dearest first."""
    return [_profile(opened, point) for point in points]


def _profile(opened: Opened, point: Point) -> dict[str, Any]:
    prepared = opened.prepare(point)

    def passes_us(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            prepared.run_pass()
        opened.bench.synchronize()
        return 1e6 * (time.perf_counter() - start)

    with torch.inference_mode():
        passes_us(WARM_UP_PASSES)
        pass_us = passes_us(PROFILED_PASSES) / PROFILED_PASSES
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as recorded:
            passes_us(PROFILED_PASSES)
    kernels = [
        {
            "kernel": event.key,
            "kind": kind_of(event.key),
            "calls": event.count / PROFILED_PASSES,
            "us_per_pass": event.self_device_time_total / PROFILED_PASSES,
        }
        for event in recorded.key_averages()
        if event.self_device_time_total > 0
    ]
    kernels.sort(key=lambda k: -k["us_per_pass"])
    total = sum(k["us_per_pass"] for k in kernels)
    kinds = {kind: sum(k["us_per_pass"] for k in kernels if k["kind"] == kind) for kind in (*KINDS, "other")}
    tokens = int(prepared.inputs.ids.lengths.sum())
    flop = linear_flop(tokens, prepared.trial, *config_sizes(prepared.model.config))
    return {
        **point._asdict(),
        "pass_us": pass_us,
        "kernels_us": total,
        **{f"{kind}_share": us / total for kind, us in kinds.items()},
        "tflops_in_matmul": flop / kinds["matmul"] / 1e6 if kinds["matmul"] else None,
        "kernels": kernels[:DEAREST],
    }
