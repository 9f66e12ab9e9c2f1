"""Configurations first, then steps and kernels."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from benchmarks.checks.fused import TOKENS, Arguments
from benchmarks.checks.fused.variants import swapped, variants
from benchmarks.lib.bars import Bar
from benchmarks.lib.loads import windows_of
from benchmarks.lib.output import table, write_json
from benchmarks.lib.shapes import SEED, on_gpu
from search_spaces.backends import BACKENDS
from search_spaces.precisions import PRECISIONS
from search_spaces.trial_config import TrialConfig
from trainables.device import free_memory
from trainables.energy.sampler import Sampler
from trainables.load import cut, prepare
from trainables.matmul_reference import matmul_pj_per_flop
from trainables.model.architectures import layer_list
from trainables.model.flops import config_sizes, encoder_flop
from trainables.window import measure
from trainables.worker import Worker

PROFILED_PASSES, SHOWN_KERNELS = 10, 14


class Point(NamedTuple):
    """A configuration, and the fusion that is switched off."""

    precision: str
    batch: int
    backend: str
    off: str = ""


def run(bench: Worker, arguments: Arguments) -> tuple[dict[str, Any], list[Bar]]:
    """A line for each configuration and each step, then the kernels of the fused ones."""
    if arguments.tune and on_gpu(bench):
        from benchmarks.checks.fused.tune import tune  # Triton is there where there is CUDA

        return {"times": tune(bench)}, []
    smoke = not on_gpu(bench)
    references = [] if smoke else [_reference(bench)]
    first = arguments.fused_batches[0]
    points = [
        Point(precision, batch, backend)
        for precision in arguments.fused_precisions
        if PRECISIONS[precision].cpu or not smoke
        for batch in arguments.fused_batches
        for backend in arguments.fused_backends
        if batch == first or BACKENDS[backend].padding
    ]
    fused = [point for point in points if point.batch == first and BACKENDS[point.backend].padding]
    steps = [point._replace(off=off) for point in fused for off in _steps(point)] if arguments.steps else []
    found: list[dict[str, Any]] = []
    for point in [*points, *steps]:
        _measured(bench, arguments, point, found, references)
    references += [] if smoke else [_reference(bench)]
    profiled = [] if smoke or not arguments.steps else [_profile(bench, point) for point in fused]
    pj = sum(references) / len(references) if references else None
    for row in found:
        row["over_reference"] = None if pj is None else row["mj_per_example"] / (pj * row["flop_per_example"] * 1e-9)
    judged = [
        row["over_reference"]
        for row in found
        if (row["precision"], row["backend"], row["off"]) == (arguments.fused_precisions[0], "fused", "")
    ]
    print(table(list(found[0]), [list(row.values()) for row in found]))
    name = f"{arguments.fused_precisions[0]} fused over the matmul reference"
    bars = [] if smoke else [Bar(name, min(judged, default=None), arguments.reference_bar)]
    return {"reference_pj_per_flop": references, "configurations": found, "kernels": profiled}, bars


def _steps(point: Point) -> list[str]:
    """Of a recipe those alone that concern it: the others are the same as without it."""
    quantised, recipe = PRECISIONS[point.precision].quantised, bool(BACKENDS[point.backend].recipe)
    names = list(variants(quantised, recipe))
    return [name for name in names if not quantised and name.startswith("GELU")] if recipe else names


def _reference(bench: Worker) -> float:
    pj = matmul_pj_per_flop("fp16", bench.device, bench.meter)
    print(f"matmul reference, fp16: {pj:.3f} pJ/FLOP", flush=True)
    return pj


def _measured(
    bench: Worker, arguments: Arguments, point: Point, found: list[dict[str, Any]], references: list[float]
) -> None:
    """One line more, printed and kept; what cannot run says why."""
    load = _load(bench, point)
    seconds = 1.0 if on_gpu(bench) else 0.05
    windows = max(1, arguments.fused_windows - bool(point.off))
    with torch.inference_mode(), Sampler(bench.meter) as sampler:
        measured = measure(load.run_pass, bench.synchronize, sampler, windows_of(seconds, windows))
    examples = load.examples * int(measured.passes.sum())
    joules = float(measured.energies.energy_j.sum())
    lengths = load.inputs.ids.lengths
    flop = encoder_flop(lengths, load.trial.depth, *config_sizes(load.model.config)) / load.examples
    row = {
        **point._asdict(),
        "mj_per_example": 1e3 * joules / examples,
        "us_per_example": 1e6 * float(measured.durations_s.sum()) / examples,
        "mean_power_w": joules / float(measured.durations_s.sum()),
        "setup_s": load.build_s,
        "flop_per_example": flop,
    }
    found.append(row)
    over = f"  x reference {row['mj_per_example'] / (references[0] * flop * 1e-9):.3f}" if references else ""
    print(
        f"{point.precision} {point.batch} {point.backend:10} {'but ' + point.off if point.off else '':44}"
        f"{row['mj_per_example']:.3f} mJ {row['us_per_example']:.2f} us {row['mean_power_w']:.0f} W{over}",
        flush=True,
    )
    write_json(arguments.output, "fused_steps", {"reference_pj_per_flop": references, "configurations": found})


def _load(bench: Worker, point: Point) -> Any:
    """Staged and built; on a CPU the swapped layers, launched one by one."""
    free_memory(bench.device)
    backend, gpu = BACKENDS[point.backend], on_gpu(bench)
    trial = TrialConfig(
        task=bench.data.task,
        model="",
        seed=SEED,
        max_seq_len=TOKENS if gpu else 24,
        depth=len(layer_list(bench.master(SEED))),
        precision=point.precision,
        batch_size=point.batch,
        padding="packed",
        backend=point.backend if gpu else "eager",
    )
    model = cut(trial, bench.master(SEED), bench.device)
    with torch.inference_mode():
        if backend.padding:
            swapped(model, bool(backend.recipe), point.off)
        return prepare(trial, model, bench.inputs(trial.max_seq_len))


def _profile(bench: Worker, point: Point) -> dict[str, Any]:
    """us per pass and share of the card's time of each kernel, dearest first; printed, too."""
    load = _load(bench, point)

    def passes(count: int, run_pass: Callable[[], None] = load.run_pass) -> None:
        for _ in range(count):
            run_pass()
        bench.synchronize()

    with torch.inference_mode():
        passes(PROFILED_PASSES)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as recorded:
            passes(PROFILED_PASSES)
    kernels = [
        {"kernel": e.key, "calls": e.count / PROFILED_PASSES, "us_per_pass": e.self_device_time_total / PROFILED_PASSES}
        for e in recorded.key_averages()
        if e.self_device_time_total > 0
    ]
    kernels.sort(key=lambda k: -k["us_per_pass"])
    total = sum(k["us_per_pass"] for k in kernels)
    rows = [
        (f"{100 * k['us_per_pass'] / total:.1f} %", k["us_per_pass"], k["calls"], k["kernel"][:80])
        for k in kernels[:SHOWN_KERNELS]
    ]
    print(f"\n{point.precision} {point.batch} {point.backend}: {total:.0f} us of kernels in a pass")
    print(table(("share", "us", "calls", "kernel"), rows), flush=True)
    return {**point._asdict(), "us_per_pass": total, "kernels": kernels}
