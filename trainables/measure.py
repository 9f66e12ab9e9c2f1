"""The measuring trial: `measure_trial` is one trial on one screen, `MeasureTrainable` gives it to Ray Tune."""

import base64
import re
import time
from functools import partial
from typing import Any

import numpy as np
import ray
from ray import tune

from search_spaces.prune import PruneRule
from search_spaces.trial_config import TrialConfig
from trainables import backends, batches
from trainables.device import free_memory, set_precision
from trainables.energy.meter import MeterError
from trainables.energy.processes import ForeignWatch
from trainables.energy.sampler import Sampler
from trainables.energy.sources import SOURCES
from trainables.model.architectures import first_position, takes_staged_mask
from trainables.model.attention.packed import use_packed_attention
from trainables.model.cut import cut
from trainables.model.flops import config_sizes, encoder_flop
from trainables.rows.columns import TRACE, WINDOW_TABLE, empty_row, join_flags
from trainables.window import Windows, half_width, measure
from trainables.worker import Bench, MeasuringData

MIB = 2**20


def measure_trial(trial: TrialConfig, bench: Bench, prune: PruneRule | None = None) -> dict[str, Any]:
    """Measure one configuration: the columns of a row, the table of its windows and its raw trace.

    With a rule, a trial whose bounds after one short window cannot join the frontier ends there: `pruned`.
    """
    import torch

    started_at, start = time.time(), time.perf_counter()
    anchor = bench.anchor(trial.seed)
    reference = bench.reference_pj_per_flop(trial.precision)
    free_memory(bench.device)
    setup_start = time.perf_counter()
    dtype = set_precision(trial.precision)
    model = cut(bench.master(trial.seed), trial.depth, dtype, bench.device)
    if trial.padding == "packed":
        use_packed_attention(model, classify=bench.task.head == "sequence_classification")
    inputs = bench.inputs(trial.max_seq_len)
    energy_inputs = bench.energy_inputs(inputs)

    with torch.inference_mode():
        plan, staged, run, backend_setup_s = prepare(trial, model, inputs, bench)
        scores = bench.task.score(outputs_of(run, plan, staged, inputs, trial), bench.data.validation, inputs)
        if energy_inputs is not inputs:
            del staged, run
            free_memory(bench.device)
            plan, staged, run, backend_setup_s = prepare(trial, model, energy_inputs, bench)
        setup_s = time.perf_counter() - setup_start

        def run_pass() -> None:
            for i in range(len(staged)):
                run(i)

        def bounds(probe: Windows) -> dict[str, Any]:
            known = scores.metrics if bench.data.trained else {}
            return known | _bounds(probe, len(np.unique(energy_inputs.example)), prune, bench)

        stop = None if prune is None else lambda probe: prune.verdict(bounds(probe)) is not None
        with ForeignWatch(bench.meter.foreign_processes) as watch, Sampler(bench.meter) as sampler:
            windows = measure(run_pass, bench.synchronize, sampler, bench.settings, stop)
            trace = sampler.trace()

    energies = windows.energies
    durations = windows.durations_s
    examples = len(np.unique(energy_inputs.example))
    total_examples = examples * int(windows.passes.sum())
    per_example = energies.energy_j / (examples * windows.passes)
    energy = energies.total_energy_j / total_examples if energies.total_energy_j is not None else None
    accuracy = scores.metrics["accuracy"] if bench.data.trained else None
    lengths = energy_inputs.ids.lengths
    flop = encoder_flop(lengths, trial.depth, *config_sizes(model.config)) / examples
    finished = time.perf_counter()
    row = empty_row(
        **trial.to_dict(),
        trial_id=trial.trial_id,
        status="ok" if energy is not None else "failed",
        error=energies.reason,
        **(scores.metrics if bench.data.trained else {}),
        correct_bits=pack_bits(scores.correct) if bench.data.trained else None,
        examples=len(scores.correct),
        examples_per_pass=examples,
        energy_j_per_example=energy,
        energy_j_per_example_ci95=(half_width(per_example) if energy is not None and not windows.stopped else None),
        energy_j_per_correct=energy / accuracy if energy and accuracy else None,
        net_energy_j_per_example=_net(energy, bench.idle_power_w, durations, total_examples),
        energy_source=energies.source,
        counter_power_residual=energies.counter_power_residual,
        edge_error_j_per_example=_over(energies.total_edge_error_j, total_examples),
        latency_ms_per_example=float(durations.sum()) / total_examples * 1e3,
        mean_power_w=_over(energies.total_energy_j, float(durations.sum())),
        idle_power_w=bench.idle_power_w,
        peak_gpu_memory_mib=_peak_mib(bench),
        temperature_start_c=energies.temperature_start_c,
        temperature_end_c=energies.temperature_end_c,
        sm_clock_mhz=energies.sm_clock_mhz,
        windows=len(durations),
        window_s=float(durations.min()),
        total_s=float(durations.sum()),
        warmup_s=windows.warmup_s,
        setup_s=setup_s,
        backend_setup_s=backend_setup_s,
        trial_s=finished - start,
        started_at=started_at,
        tokens_per_example=plan.tokens / examples,
        real_tokens_per_example=float(lengths.sum()) / examples,
        inputs_per_example=len(lengths) / examples,
        matmul_reference_j_per_example=None if reference is None else reference * 1e-12 * flop,
        gpu_name=bench.meter.device.name,
        gpu_uuid=bench.meter.device.uuid,
        worker=bench.worker,
        flags=join_flags(_flags(windows, bench, watch.seen)),
    )
    if prune is not None and windows.stopped:
        row |= dict.fromkeys(NOT_OF_PRUNED) | bounds(windows) | {"error": prune.verdict(bounds(windows))}
        row["flags"] = "" if SOURCES[energies.source].measured else "estimated"
    row["null_reasons"] = _null_reasons(row, bench)
    table = np.column_stack(
        [
            windows.edges[:-1] - trace.time_s[0],
            durations,
            windows.passes,
            energies.energy_j,
            energies.power_energy_j,
            energies.edge_error_j,
        ]
    )
    return row | {
        WINDOW_TABLE: table.tolist(),
        TRACE: base64.b64encode(trace.to_parquet_bytes()).decode(),
        "anchor": anchor,
    }


# What one window of a half-warmed card must not be taken for.
NOT_OF_PRUNED = (
    "energy_j_per_example",
    "energy_j_per_example_ci95",
    "energy_j_per_correct",
    "net_energy_j_per_example",
    "edge_error_j_per_example",
    "counter_power_residual",
    "latency_ms_per_example",
    "mean_power_w",
)


def _bounds(probe: Windows, examples: int, prune: PruneRule | None, bench: Bench) -> dict[str, Any]:
    """The columns of a pruned row that the rule decides on: what energy and latency are at least."""
    least = (1 - prune.margin) / (examples * int(probe.passes.sum())) if prune else 0.0
    energy_j = probe.energies.total_energy_j
    return {
        "status": "pruned",
        "energy_bound_j_per_example": None if energy_j is None else energy_j * least,
        "latency_bound_ms_per_example": float(probe.durations_s.sum()) * 1e3 * least,
        "peak_gpu_memory_mib": _peak_mib(bench),
        "idle_power_w": bench.idle_power_w,
    }


def prepare(trial: TrialConfig, model: Any, inputs: Any, bench: Bench) -> tuple[Any, list[Any], backends.Run, float]:
    """Plan, staged batches and the callable that runs them; seconds of compiling and capturing."""
    plan = batches.plan(inputs.ids.lengths, trial.batch_size, trial.max_seq_len, trial.padding)
    staged = batches.stage(inputs, plan, bench.device, takes_staged_mask(model), first_position(model.config))
    start = time.perf_counter()
    run = backends.build(trial.backend, model, staged)
    bench.synchronize()
    return plan, staged, run, time.perf_counter() - start


def outputs_of(run: backends.Run, plan: Any, staged: list[Any], inputs: Any, trial: TrialConfig) -> np.ndarray:
    """One complete pass: float32 outputs in the order of `inputs`, filler dropped."""
    parts = [run(i).float().cpu().numpy() for i in range(len(staged))]
    if parts[0].ndim == 2:
        flat = np.concatenate([p[: b.rows] for p, b in zip(parts, staged, strict=True)])
        outputs = np.empty((len(inputs.ids), flat.shape[1]), dtype=np.float32)
        outputs[np.concatenate(plan.batches)] = flat
        return outputs
    outputs = np.full((len(inputs.ids), trial.max_seq_len, 2), -1e9, dtype=np.float32)
    for part, batch, rows in zip(parts, staged, plan.batches, strict=True):
        if batch.cu_seqlens is None:
            outputs[rows, : part.shape[1]] = part
            continue
        ends = batch.cu_seqlens.cpu().numpy()
        for row, begin, end in zip(rows, ends[:-1], ends[1:], strict=False):
            outputs[row, : end - begin] = part[0, begin:end]
    return outputs


def _flags(windows: Any, bench: Bench, foreign: bool | None) -> set[str]:
    """The energies' own flags, and what only the trial knows. An estimate has no sensor to be too short for."""
    flags = set(windows.energies.flags)
    if SOURCES[bench.meter.source].measured:
        if not windows.interval_reached:
            flags.add("interval_not_reached")
        if len(windows.durations_s) < 5 or windows.durations_s.sum() < 5:
            flags.add("few_windows")
    if bench.device.type == "cuda" and foreign is None:
        flags.add("foreign_process_unknown")
    elif foreign:
        flags.add("foreign_process")
    return flags


def _peak_mib(bench: Bench) -> float | None:
    import torch

    return torch.cuda.max_memory_allocated(bench.device) / MIB if bench.device.type == "cuda" else None


def _over(value: float | None, count: float) -> float | None:
    return None if value is None else value / count


def _net(energy: float | None, idle_w: float | None, durations: np.ndarray, examples: int) -> float | None:
    if energy is None or idle_w is None:
        return None
    return energy - idle_w * float(durations.sum()) / examples


def pack_bits(correct: np.ndarray) -> str:
    """Booleans as base64 of numpy.packbits."""
    return base64.b64encode(np.packbits(correct).tobytes()).decode()


def _null_reasons(row: dict[str, Any], bench: Bench) -> str:
    """Why each null is null; a null without a known reason says so."""
    source = SOURCES[bench.meter.source]
    pruned = row["status"] == "pruned"
    reasons = {
        "accuracy": "random weights",
        "correct_bits": "random weights",
        "energy_j_per_correct": "random weights" if not bench.data.trained else "no correct prediction",
        "f1": f"not a metric of {bench.data.task}" if bench.data.trained else "random weights",
        "exact_match": f"not a metric of {bench.data.task}" if bench.data.trained else "random weights",
        "error": "none",
        "energy_j_per_example": "see error",
        "energy_j_per_example_ci95": "see error",
        "counter_power_residual": "see error" if source.checked_by_power else "one source only",
        "net_energy_j_per_example": "no idle reading",
        "idle_power_w": "no idle reading" if source.measured else "no sensor",
        "peak_gpu_memory_mib": "no GPU",
        "temperature_start_c": "no sensor",
        "temperature_end_c": "no sensor",
        "sm_clock_mhz": "no sensor",
        "matmul_reference_j_per_example": "no GPU",
        "gpu_uuid": "no GPU",
        "mean_power_w": "see error",
        "edge_error_j_per_example": "see error",
        "energy_bound_j_per_example": "measured in full",
        "latency_bound_ms_per_example": "measured in full",
        "null_reasons": "",
    } | (dict.fromkeys(NOT_OF_PRUNED, "pruned: see error") if pruned else {})
    filled_in_later = ("error", "null_reasons", "ray_device")
    nulls = [name for name, value in row.items() if value is None and name not in filled_in_later]
    return ";".join(f"{name}: {reasons.get(name, 'unknown')}" for name in nulls)


def out_of_memory(error: BaseException) -> bool:
    """Did the card or the host have no memory left? PyTorch says so of the host in a plain RuntimeError."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and any(
        words in said for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


def may_pass(error: BaseException, reused: bool) -> bool:
    """Could a fresh process get further? With a lost sensor perhaps; without memory where this process has served
    other trials before."""
    return isinstance(error, MeterError) or (reused and out_of_memory(error))


def failed_row(trial: TrialConfig, error: BaseException, bench: Bench | None) -> dict[str, Any]:
    """The row of a trial that could not be measured."""
    status = "oom" if out_of_memory(error) else "failed"
    return empty_row(
        **trial.to_dict(),
        trial_id=trial.trial_id,
        status=status,
        error=f"{type(error).__name__}: {one_line(error)}"[:500],
        started_at=time.time(),
        gpu_name=bench.meter.device.name if bench else None,
        gpu_uuid=bench.meter.device.uuid if bench else None,
        worker=bench.worker if bench else None,
        flags="",
        null_reasons=f"all measurements: {status}",
    )


def one_line(error: BaseException) -> str:
    """The first line of an error's text, and what a compiler's subprocess raised where that only announces it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    raised = [line for line in lines[1:] if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return " ".join([lines[0], *raised[-1:]]) if lines[0].endswith(":") else lines[0]


def assigned_device() -> str:
    """What Ray gave this process: "1f0c9a2e/3" is GPU 3 of the node 1f0c9a2e, "1f0c9a2e/cpu" none of its GPUs."""
    context = ray.get_runtime_context()
    gpus = context.get_accelerator_ids().get("GPU") or ["cpu"]
    return f"{context.get_node_id()[:8]}/{'+'.join(gpus)}"


class MeasureTrainable(tune.Trainable):
    """One Tune trial is one measured configuration; the actor (and its Bench) is reused for the next one.

    Config: job, a dict of the fields of a TrialConfig, cpu and gpu; of a search also prune (a PruneRule); of a trial
    that is tried again attempt (`tuner.run.rows`).
    """

    PHASE = "measure"  # names the Ray experiment
    attempt = 1
    reused = False  # this process has served a trial before
    ray_device: str | None = None

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        return tune.PlacementGroupFactory([{"CPU": config["job"]["cpu"], "GPU": config["job"]["gpu"]}])

    def setup(self, config: dict[str, Any], data: MeasuringData, files: dict[int, Any]) -> None:
        self.ray_device = assigned_device()
        self.bench = Bench(
            data,
            {seed: partial(ray.get, reference) for seed, reference in files.items()},
            config["job"].get("threads", config["job"]["cpu"]),
            first_seed=config["job"]["seed"],
        )
        self.reset_config(config)
        self.reused = False

    def reset_config(self, config: dict[str, Any]) -> bool:
        self.reused = True
        self.attempt = config["job"].get("attempt", 1)
        self.trial = TrialConfig.from_dict(config["job"])
        rule = config["job"].get("prune")  # of a search; a grid measures every trial in full
        self.prune = PruneRule.from_dict(rule) if rule else None
        return True

    def step(self) -> dict[str, Any]:
        try:
            result = measure_trial(self.trial, self.bench, self.prune)
        except Exception as error:
            self.bench.synchronize()  # a broken CUDA context raises here: then the process must go, not the row
            if self.attempt == 1 and may_pass(error, self.reused):
                raise  # Tune tries once more, in a fresh process
            result = failed_row(self.trial, error, self.bench)
        return result | {"ray_device": self.ray_device, "done": True}

    def cleanup(self) -> None:
        self.bench.meter.close()
