"""From what a trial measured to its row. Arithmetic alone: nothing here touches the device, but to ask for its peak."""

import base64
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binomtest

from search_spaces.goal import ENERGY_BOUND, LATENCY_BOUND
from search_spaces.prune import PruneRule
from search_spaces.trial_config import TrialConfig
from trainables.device import peak_memory_mib
from trainables.energy.sources import SOURCES, WATTS_PER_CORE
from trainables.energy.trace import Trace
from trainables.load import Load
from trainables.model.architectures import layer_list
from trainables.model.flops import config_sizes, encoder_flop, unread_flop
from trainables.rows.bits import encode_bits
from trainables.rows.columns import TRACE, WINDOW_TABLE, NullContext, empty_row, null_reasons
from trainables.rows.flags import BELOW_MAJORITY, ESTIMATED, MIN_TOTAL_S, MIN_WINDOWS, join_flags
from trainables.rows.interval import half_width
from trainables.tasks.base import Scores
from trainables.window import Windows

if TYPE_CHECKING:
    from trainables.worker import Worker


@dataclass(frozen=True)
class Trial:
    """A trial before its windows: what was prepared and scored, by whom, and how long that took."""

    config: TrialConfig
    worker: "Worker"
    load: Load  # of the energy windows
    scores: Scores
    reference_pj_per_flop: float | None
    started_at: float  # UNIX s
    start_s: float  # of time.perf_counter
    setup_s: float
    fresh_scores: Scores | None = None  # on the worker's fresh examples

    @property
    def metrics(self) -> dict[str, float]:
        """The scores by name; none of random weights, where they would be noise."""
        return self.scores.metrics if self.worker.data.trained else {}

    def null_context(self, pruned: bool) -> NullContext:
        data = self.worker.data
        return NullContext(data.task, data.trained, self.worker.meter.source, pruned)


def measured_row(trial: Trial, windows: Windows, foreign: bool | None) -> dict[str, Any]:
    """The row of a trial measured in full; status failed, and why, where the sensor gave no energy.

    `foreign`: whether another process computed on the card; None where it could not be told.
    """
    energies = windows.energies
    examples = trial.load.examples * int(windows.passes.sum())
    seconds = float(windows.durations_s.sum())
    energy = _over(energies.total_energy_j, examples)
    reason = energies.reason
    if energy is not None and energy <= 0:
        energy, reason = None, f"a load must take energy, but the sensor says {energies.total_energy_j:g} J"
    accuracy = trial.metrics.get("accuracy")
    idle_w = trial.worker.idle_power_w
    per_window = energies.energy_j / (trial.load.examples * windows.passes)
    row = _known_of_any(trial, windows) | {
        "status": "failed" if energy is None else "ok",
        "error": reason,
        "energy_j_per_example": energy,
        "energy_j_per_example_ci95": None if energy is None else half_width(per_window),
        "energy_j_per_correct": energy / accuracy if energy and accuracy else None,
        "net_energy_j_per_example": None if energy is None or idle_w is None else energy - idle_w * seconds / examples,
        "idle_share": _idle_share(idle_w, seconds, energies.total_energy_j),
        "counter_power_residual": energies.counter_power_residual,
        "edge_error_j_per_example": None if energy is None else _over(energies.total_edge_error_j, examples),
        "latency_ms_per_example": seconds / examples * 1e3,
        "mean_power_w": None if energy is None else _over(energies.total_energy_j, seconds),
        "flags": join_flags(flags_of(windows, trial.worker, foreign) | score_flags(trial)),
    }
    return row | {"null_reasons": null_reasons(row, trial.null_context(pruned=False))}


def pruned_row(trial: Trial, probe: Windows, rule: PruneRule) -> dict[str, Any]:
    """The row of a trial that ends after its probe: what it needs at least. `error` is the rule's verdict, None where
    the trial has to be measured in full."""
    least = (1 - rule.margin) / (trial.load.examples * int(probe.passes.sum()))
    energy_j = probe.energies.total_energy_j
    row = _known_of_any(trial, probe) | {
        "status": "pruned",
        ENERGY_BOUND: None if energy_j is None else energy_j * least,
        LATENCY_BOUND: float(probe.durations_s.sum()) * 1e3 * least,
        "flags": join_flags(probe.energies.flags & {ESTIMATED}),
    }
    row["error"] = rule.verdict(row)
    return row | {"null_reasons": null_reasons(row, trial.null_context(pruned=True))}


def _known_of_any(trial: Trial, windows: Windows) -> dict[str, Any]:
    """What the row of a trial says whether it was measured in full or not."""
    config, worker, load, energies = trial.config, trial.worker, trial.load, windows.energies
    lengths = load.inputs.ids.lengths
    reference = trial.reference_pj_per_flop
    host_cpu_s = windows.host_cpu_s / (load.examples * int(windows.passes.sum()))
    flop = encoder_flop(lengths, config.depth, *config_sizes(load.model.config)) / load.examples
    return empty_row(
        **config.to_dict(),
        **trial.metrics,
        **asdict(worker.data.digests[config.seed]),
        **_fresh_answers(trial),
        trial_id=config.trial_id,
        correct_bits=encode_bits(trial.scores.correct) if worker.data.trained else None,
        examples=len(trial.scores.correct),
        examples_per_pass=load.examples,
        energy_source=energies.source,
        idle_power_w=worker.idle_power_w,
        peak_gpu_memory_mib=peak_memory_mib(worker.device),
        temperature_start_c=energies.temperature_start_c,
        temperature_end_c=energies.temperature_end_c,
        sm_clock_mhz=energies.sm_clock_mhz,
        host_cpu_s_per_example=host_cpu_s,
        tokenising_cpu_s_per_example=worker.data.tokenising_cpu_s,
        host_energy_j_per_example_estimate=_host_energy_j(worker, host_cpu_s),
        windows=len(windows.durations_s),
        window_s=float(windows.durations_s.min()),
        total_s=float(windows.durations_s.sum()),
        warmup_s=windows.warmup_s,
        setup_s=trial.setup_s,
        backend_setup_s=load.build_s,
        trial_s=time.perf_counter() - trial.start_s,
        started_at=trial.started_at,
        tokens_per_example=load.plan.tokens / load.examples,
        real_tokens_per_example=float(lengths.sum()) / load.examples,
        inputs_per_example=len(lengths) / load.examples,
        gflop_per_example=1e-9 * _processed_flop(trial) if worker.data.one_of_several else None,
        matmul_reference_j_per_example=None if reference is None else reference * 1e-12 * flop,
        gpu_name=worker.meter.device.name,
        gpu_uuid=worker.meter.device.uuid,
        worker=worker.name,
    )


def _processed_flop(trial: Trial) -> float:
    """Per example of a pass, over the tokens that were computed: a padded input's are its batch's width, and the last
    layer of a packed classifier goes on with the first alone."""
    load = trial.load
    lengths = load.inputs.ids.lengths
    if load.plan.padding != "packed":
        lengths = np.repeat(load.plan.width, [len(rows) for rows in load.plan.batches])
    sizes = config_sizes(load.model.config)
    flop = encoder_flop(lengths, trial.config.depth, *sizes)
    if getattr(layer_list(load.model)[-1], "leaves_out", False):
        flop -= unread_flop(lengths, *sizes)
    return flop / load.examples


def _fresh_answers(trial: Trial) -> dict[str, Any]:
    fresh, scores = trial.worker.data.fresh, trial.fresh_scores
    if fresh is None or scores is None:
        return {}
    bits = encode_bits(scores.correct)
    return {"fresh_correct_bits": bits, "fresh_examples": len(scores.correct), "fresh_data_digest": fresh.digest}


def flags_of(windows: Windows, worker: "Worker", foreign: bool | None) -> set[str]:
    """The energies' own flags, and what only the trial knows. An estimate has no sensor to be too short for."""
    flags = set(windows.energies.flags)
    if SOURCES[worker.meter.source].measured:
        if not windows.interval_reached:
            flags.add("interval_not_reached")
        if len(windows.durations_s) < MIN_WINDOWS or windows.durations_s.sum() < MIN_TOTAL_S:
            flags.add("few_windows")
    if foreign:
        flags.add("foreign_process")
    elif foreign is None and worker.device.type == "cuda":
        flags.add("foreign_process_unknown")
    return flags


def score_flags(trial: Trial) -> set[str]:
    """What the answers are flagged for."""
    correct, majority = trial.scores.correct, trial.scores.majority
    if not trial.worker.data.trained or majority is None:
        return set()
    # Not the share alone: it is of the same examples, and a model that always names one class has exactly that.
    high = binomtest(int(correct.sum()), len(correct)).proportion_ci(0.95, "wilson").high
    return {BELOW_MAJORITY} if high < majority else set()


def raw_of(windows: Windows, trace: Trace) -> dict[str, Any]:
    """What a row's energies can be computed again from: the table of its windows (starts since the trace began) and
    the raw trace."""
    energies = windows.energies
    table = np.column_stack(
        [
            windows.edges[:-1] - trace.time_s[0],
            windows.durations_s,
            windows.passes,
            energies.energy_j,
            energies.power_energy_j,
            energies.edge_error_j,
        ]
    )
    return {WINDOW_TABLE: table.tolist(), TRACE: base64.b64encode(trace.to_parquet_bytes()).decode()}


def _idle_share(idle_w: float | None, seconds: float, energy_j: float | None) -> float | None:
    """At most 1: an idle power may be read when the card is warmer than in a launch-bound trial."""
    return None if idle_w is None or not energy_j or energy_j <= 0 else min(1.0, idle_w * seconds / energy_j)


def _host_energy_j(worker: "Worker", host_cpu_s: float) -> float | None:
    """Nothing where the processor is what is measured."""
    tokenising_s = worker.data.tokenising_cpu_s
    if _on_cpu(worker) or tokenising_s is None:
        return None
    return WATTS_PER_CORE * (host_cpu_s + tokenising_s)


def _on_cpu(worker: "Worker") -> bool:
    return worker.device.type == "cpu"


def _over(value: float | None, count: float) -> float | None:
    return None if value is None else value / count
