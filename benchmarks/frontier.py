"""How little energy does the whole model need, cutting no token of any sentence and no layer?

    python -m benchmarks.frontier --model BERT_BASE_SHAPE --data-dir SST2 --output RUN          # measure
    python -m benchmarks.frontier --model MINILM --checkpoint DIR --data-dir SST2 --verify RUN  # predictions only
    python -m benchmarks.frontier --model BERT_BASE_SHAPE --data-dir SST2 --profile RUN         # where the time goes
    python -m benchmarks.frontier --read RUN                                                  # the bars again, no card

The paper's baseline (fp32, 128 tokens, batch 64, eager, padded to the limit) against the configurations below, in
one sweep with random weights of the model's shape; then the ends (the baseline, tf32 and fp16 as the paper runs them,
and the two cheapest) get two more trials each. It can be interrupted and started again.

Bars, of the cheapest configuration whose logits are within TOLERANCE of the baseline's and which, with fine-tuned
weights, flips at most 2 of SST-2's 872 predictions: it needs at most 1/40 of the baseline's energy per example.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.sweep_config import Axes, SweepConfig
from search_spaces.trial_config import TrialConfig
from tuner.cli import run_command

if TYPE_CHECKING:
    import pandas as pd

TOKENS = 128  # above SST-2's longest validation sentence (55): nothing is cut
SAVING, FLIPS = 40.0, 2
REPLICATES = 3
AXES = ("precision", "batch_size", "padding", "backend")
BASELINE = ("fp32", 64, "max_length", "eager")
AS_PUBLISHED = [BASELINE, ("tf32", 64, "max_length", "eager"), ("fp16", 64, "max_length", "eager")]
POINTS = [
    *AS_PUBLISHED,
    ("fp16", 64, "max_length", "cuda_graph"),
    ("fp16", 64, "longest", "cuda_graph"),
    ("fp16", 109, "longest", "compile_cuda_graph"),
    # The way from fp16 as published to the cheapest, one axis at a time, and its neighbours.
    ("fp16", 64, "packed", "eager"),
    ("fp16", 64, "packed", "cuda_graph"),
    ("fp16", 64, "packed", "compile_cuda_graph"),
    ("fp16", 109, "packed", "compile_cuda_graph"),
    ("fp16", 218, "packed", "compile_cuda_graph"),
    ("fp16", 436, "packed", "compile_cuda_graph"),
    ("bf16", 218, "packed", "compile_cuda_graph"),
    ("fp8", 218, "packed", "compile_cuda_graph"),
    ("fp8", 436, "packed", "compile_cuda_graph"),
    ("int8", 218, "packed", "compile_cuda_graph"),
]
# Largest difference of a logit from fp32's, over the range of fp32's logits. Half a percent is what 10 bits of
# mantissa lose in 12 layers; 8-bit operands lose more.
TOLERANCE = {"fp32": 1e-4, "tf32": 0.01, "fp16": 0.01, "bf16": 0.05, "int8": 0.2, "fp8": 0.4}


def trials(model: str, depth: int, points: Sequence[tuple[Any, ...]], replicate: int = 0) -> list[TrialConfig]:
    return [
        TrialConfig(
            task="sst2", model=model, seed=42, max_seq_len=TOKENS, depth=depth, replicate=replicate,
            **dict(zip(AXES, point, strict=True)),
        )
        for point in points
    ]  # fmt: skip


def cheapest(rows: "pd.DataFrame", count: int) -> list[tuple[Any, ...]]:
    """The configurations with the least J/example, over their trials; what is run as published is no candidate."""
    ok = rows[rows["status"] == "ok"]
    means = ok.groupby(list(AXES))["energy_j_per_example"].mean().sort_values()
    return [tuple(key) for key in means.index if tuple(key) not in AS_PUBLISHED][:count]  # type: ignore[arg-type]


def savings(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    """Per configuration: J/example, spread over trials, factors below the three as published, over the reference."""
    groups = dict(iter(rows[rows["status"] == "ok"].groupby(list(AXES))))
    mean = {key: float(group["energy_j_per_example"].mean()) for key, group in groups.items()}
    found = []
    for key, group in groups.items():
        energy = group["energy_j_per_example"]
        found.append(
            {
                **dict(zip(AXES, key, strict=True)),  # type: ignore[arg-type]
                "trials": len(group),
                "energy_j_per_example": mean[key],
                "relative_sd": float(energy.std() / mean[key]) if len(group) > 1 else None,
                "latency_ms_per_example": float(group["latency_ms_per_example"].mean()),
                "mean_power_w": float(group["mean_power_w"].mean()),
                "tokens_per_example": float(group["tokens_per_example"].iloc[0]),
                "over_reference": float((energy / group["matmul_reference_j_per_example"]).mean()),
                **{f"saving_over_{p[0]}": mean[p] / mean[key] if p in mean else None for p in AS_PUBLISHED},
                "flags": ";".join(sorted(set(";".join(group["flags"].fillna("")).split(";")) - {""})),
            }
        )
    return sorted(found, key=lambda r: -r["energy_j_per_example"])


def measure(arguments: argparse.Namespace) -> "pd.DataFrame":
    """All points once, then the ends again."""
    from trainables.model.loading import load_config
    from tuner import sweep

    depth = load_config(arguments.model).num_hidden_layers
    config = SweepConfig(
        model=arguments.model,
        data_dir=arguments.data_dir,
        random_weights=True,
        axes=Axes(max_seq_len=(TOKENS,), depth=(depth,)),
    )
    config = replace(config, measuring=replace(config.measuring, max_measure_s=arguments.max_measure_s))
    singles = trials(arguments.model, depth, POINTS)
    started = (arguments.output / "sweep.json").is_file()
    rows = sweep.run(config, arguments.output, trials=singles, resume=started).rows
    ends = [*AS_PUBLISHED, *cheapest(rows, 2)]
    more = [t for r in range(1, REPLICATES) for t in trials(arguments.model, depth, ends, r)]
    order = np.random.default_rng(0).permutation(len(more))
    return sweep.run(config, arguments.output, trials=[*singles, *(more[i] for i in order)], resume=True).rows


class Opened:
    """The model, the validation split and one card, for what needs no sweep: comparing outputs, profiling."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        from search_spaces.sweep_config import Measuring
        from trainables.model import loading
        from trainables.model.architectures import max_positions
        from trainables.tasks import get_task
        from trainables.worker import Bench, MeasuringData

        task = get_task("sst2")
        self.source = arguments.checkpoint or arguments.model
        examples = task.load("validation", Path(arguments.data_dir) if arguments.data_dir else None, None)
        self.validation = task.tokenize(examples, loading.load_tokenizer(self.source))
        files = (
            loading.load_checkpoint(arguments.checkpoint, task.head)
            if arguments.checkpoint
            else loading.load_pretrained(arguments.model, task.head, task.num_labels(examples), 42, random_weights=True)
        )
        config = loading.load_config(self.source)
        self.depth = config.num_hidden_layers
        data = MeasuringData("sst2", self.validation, True, Measuring(), max_positions(config))
        self.bench = Bench(data, {42: partial(lambda f: f, files)}, 4)

    def prepared(self, trial: TrialConfig) -> tuple[Any, ...]:
        """The cut model, the inputs, their plan, staged batches and backend."""
        from trainables.device import free_memory, set_precision
        from trainables.measure import prepare
        from trainables.model.attention.packed import use_packed_attention
        from trainables.model.cut import cut

        free_memory(self.bench.device)
        dtype = set_precision(trial.precision)
        model = cut(self.bench.master(42), trial.depth, dtype, self.bench.device)
        if trial.padding == "packed":
            use_packed_attention(model, classify=True)
        inputs = self.bench.inputs(trial.max_seq_len)
        return model, inputs, *prepare(trial, model, inputs, self.bench)[:3]


def verify(arguments: argparse.Namespace, rows: "pd.DataFrame") -> list[dict[str, Any]]:
    """Logits and predictions of the cheapest configurations against the baseline's, on one card."""
    import torch

    from trainables.measure import outputs_of

    opened = Opened(arguments)

    def logits(trial: TrialConfig) -> np.ndarray:
        with torch.inference_mode():
            _, inputs, plan, staged, run = opened.prepared(trial)
            return outputs_of(run, plan, staged, inputs, trial)

    points = [BASELINE, *cheapest(rows, arguments.verify_points)]
    exact, *others = (logits(t) for t in trials(opened.source, opened.depth, points))
    opened.bench.meter.close()
    return [
        {
            **dict(zip(AXES, point, strict=True)),
            "largest_error_over_range": float(np.abs(other - exact).max() / np.ptp(exact)),
            "flips": int((other.argmax(1) != exact.argmax(1)).sum()),
            "examples": len(exact),
            "accuracy": float((other.argmax(1) == opened.validation.labels).mean()) if arguments.checkpoint else None,
        }
        for point, other in zip(points[1:], others, strict=True)
    ]


# By a kernel's name, the first that fits: attention (ours and PyTorch's, parts of which are called cutlass, too), what
# torch.compile fused, the libraries' matrix products.
KINDS = {
    "attention": ("_attend", "fmha", "flash", "sdpa"),
    "fused": ("triton",),
    "matmul": ("gemm", "nvjet", "cutlass", "cublas"),
}
PROFILED_PASSES = 20
LOGITS = "frontier_logits_{}.json"


def kind_of(kernel: str) -> str:
    """One of KINDS, or other."""
    return next((kind for kind, parts in KINDS.items() if any(p in kernel.lower() for p in parts)), "other")


def linear_flop(tokens: int, trial: TrialConfig, hidden: int, intermediate: int) -> float:
    """FLOP of the linear layers that run over so many tokens, without attention's own products; where inputs are
    packed the last layer goes on behind its attention with the first tokens alone, which are not counted."""
    layer = 8 * hidden**2 + 4 * hidden * intermediate
    last = 6 * hidden**2 if trial.padding == "packed" else layer
    return float(tokens) * (layer * (trial.depth - 1) + last)


def profile(arguments: argparse.Namespace, rows: "pd.DataFrame") -> list[dict[str, Any]]:
    """Kernels of a pass of the cheapest configurations: us per pass and share of the card's time, dearest first."""
    import torch

    from trainables.model.flops import config_sizes

    opened = Opened(arguments)
    found = []
    points = cheapest(rows, arguments.verify_points)
    for point, trial in zip(points, trials(opened.source, opened.depth, points), strict=True):
        with torch.inference_mode():
            model, inputs, _, staged, run = opened.prepared(trial)

            def passes(count: int, run: Any = run, batches: int = len(staged)) -> float:
                """Seconds of so many passes."""
                start = time.perf_counter()
                for _ in range(count):
                    for i in range(batches):
                        run(i)
                opened.bench.synchronize()
                return time.perf_counter() - start

            passes(50)
            pass_us = passes(PROFILED_PASSES) / PROFILED_PASSES * 1e6
            with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as recorded:
                passes(PROFILED_PASSES)
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
        flop = linear_flop(int(inputs.ids.lengths.sum()), trial, *config_sizes(model.config))
        found.append(
            {
                **dict(zip(AXES, point, strict=True)),
                "pass_us": pass_us,
                "kernels_us": total,
                **{f"{kind}_share": us / total for kind, us in kinds.items()},
                "tflops_in_matmul": flop / kinds["matmul"] / 1e6 if kinds["matmul"] else None,
                "kernels": kernels[:25],
            }
        )
    opened.bench.meter.close()
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or hub id: its shape, with random weights")
    parser.add_argument("--data-dir", help="folder with SST-2's dev.tsv (default: the hub)")
    parser.add_argument("--output", type=Path, help="run folder: measure")
    parser.add_argument("--verify", type=Path, help="a run folder whose cheapest configurations are compared in logits")
    parser.add_argument("--profile", type=Path, help="a run folder whose cheapest configurations are profiled")
    parser.add_argument("--read", type=Path, help="a run folder whose bars are printed again: needs no card")
    parser.add_argument("--checkpoint", help="fine-tuned weights for --verify")
    parser.add_argument("--verify-points", type=int, default=3, help="how many are verified or profiled")
    parser.add_argument("--max-measure-s", type=float, default=10.0)
    arguments = parser.parse_args(argv)
    folders = {arguments.output, arguments.verify, arguments.profile, arguments.read} - {None}
    if len(folders) != 1:
        parser.error("give one run folder with --output, --verify, --profile or --read")
    if not (arguments.model or arguments.read):
        parser.error("--output, --verify and --profile need --model")

    from analysis.rows.load import load
    from benchmarks.common import table

    (folder,) = folders
    if arguments.output:
        _write(folder, "frontier.json", savings(measure(arguments)))
    if arguments.verify:
        kind = "trained" if arguments.checkpoint else "random"
        _write(folder, LOGITS.format(kind), verify(arguments, load(folder)))
    if arguments.profile:
        profiled = profile(arguments, load(folder))
        _write(folder, "frontier_kernels.json", profiled)
        names = [k for k in profiled[0] if k != "kernels"]
        print(table(names, [[r[k] for k in names] for r in profiled]))
        for result in profiled:
            print("\n" + ", ".join(str(result[k]) for k in AXES))
            heads = ("kind", "calls", "us_per_pass", "kernel")
            print(table(heads, [[*map(k.get, heads[:3]), k["kernel"][:90]] for k in result["kernels"][:12]]))
    return conclude(folder)


def _write(folder: Path, name: str, value: Any) -> None:
    (folder / name).write_text(json.dumps(value, indent=1) + "\n")


def faithful(compared: dict[str, list[dict[str, Any]]]) -> dict[tuple[Any, ...], dict[str, float]]:
    """Configurations whose outputs are the baseline's in every comparison that was made, and how nearly so; none
    before they were compared with fine-tuned weights, where alone a flipped prediction means something.

    `compared`: results of `verify` by the kind of weights, random or trained.
    """
    if "trained" not in compared:
        return {}
    found: dict[tuple[Any, ...], dict[str, float]] = {}
    for kind, results in compared.items():
        for result in results:
            measures = {f"largest logit error over the range, {kind} weights": result["largest_error_over_range"]}
            if kind == "trained":
                measures["flipped predictions"] = result["flips"]
            found.setdefault(tuple(result[k] for k in AXES), {}).update(measures)
    limits = {key: _limits(compared, key[0]) for key in found}
    return {
        key: measures
        for key, measures in found.items()
        if all(name in measures and measures[name] <= limit for name, limit in limits[key].items())
    }


def _limits(compared: dict[str, Any], precision: str) -> dict[str, float]:
    """The bars of a configuration that was compared with fine-tuned weights too, by name."""
    limits = {f"largest logit error over the range, {kind} weights": TOLERANCE[precision] for kind in compared}
    return limits | {"flipped predictions": float(FLIPS)}


def conclude(folder: Path) -> int:
    """Print what was measured and compared, where the saving comes from, and the bars."""
    from analysis import configurations, valid
    from analysis.rows.load import load
    from benchmarks.common import Bar, table

    rows = load(folder)
    found = savings(rows)
    names = [k for k in found[0] if k not in ("flags", "latency_ms_per_example")]
    print(table(names, [[r[k] for k in names] for r in found]))
    compared = {}
    for kind in ("random", "trained"):
        if (file := folder / LOGITS.format(kind)).is_file():
            compared[kind] = json.loads(file.read_text())
            names = list(compared[kind][0])
            print(f"\n{kind} weights, outputs against the baseline's")
            print(table(names, [[r[k] for k in names] for r in compared[kind]]))
    kept = faithful(compared)
    best = next((r for r in reversed(found) if tuple(r[k] for k in AXES) in kept), None)
    bars = [Bar("saving of the cheapest faithful configuration", None, SAVING, at_least=True)]
    if best is not None:
        key = tuple(best[k] for k in AXES)
        bars = [replace(bars[0], value=best["saving_over_fp32"])]
        limits = _limits(compared, best["precision"])
        bars += [Bar(name, float(kept[key][name]), limit) for name, limit in limits.items()]
        print(f"\nthe cheapest faithful configuration: {', '.join(map(str, key))}")
        _print_steps(configurations(valid(rows)[0]), key)
    for bar in bars:
        print(bar)
    return 0 if all(bar.met for bar in bars) else 1


def _print_steps(grid: "pd.DataFrame", key: tuple[Any, ...]) -> None:
    """From the baseline to a configuration, one axis switched at a time, or why that cannot be told."""
    from analysis import CannotAnswer, decompose
    from benchmarks.common import table

    ends = [grid[(grid[list(AXES)] == list(k)).all(axis=1)].iloc[0] for k in (BASELINE, key)]
    try:
        steps = decompose(grid, *ends)
    except CannotAnswer as reason:
        print(reason)
        return
    rows = [(s.axis, s.before, s.after, 1e3 * s.energy_before, 1e3 * s.energy_after, s.saving.value) for s in steps]
    print(table(("axis", "before", "after", "mJ before", "mJ after", "times less, in this order"), rows))


if __name__ == "__main__":
    run_command(main)
