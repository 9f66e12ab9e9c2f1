"""The row of a measuring trial: its columns with their units, and its validity flags. No heavy imports.

A column that cannot be filled is null, and `null_reasons` says why ("accuracy: random weights; ...").
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    name: str
    kind: str  # "str", "int", "float"
    unit: str
    meaning: str


def _columns(*rows: tuple[str, str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


COLUMNS: tuple[Column, ...] = _columns(
    ("trial_id", "str", "", "unique name: the configuration and its replicate"),
    ("task", "str", "", "what is predicted: demo, sst2, qqp, squad, tsv"),
    ("model", "str", "", "hub id or folder of the encoder"),
    ("seed", "int", "", "seed of the fine-tuning (and of random weights)"),
    ("max_seq_len", "int", "tokens", "inputs are truncated to this many tokens"),
    ("depth", "int", "layers", "encoder layers kept, from the embeddings up"),
    ("precision", "str", "", "fp32 (TF32 off), tf32, bf16, fp16, or int8, fp8: linear layers alone, the rest bf16"),
    ("batch_size", "int", "examples", "inputs per batch"),
    ("padding", "str", "", "max_length, longest or packed"),
    ("backend", "str", "", "eager, cuda_graph, compile or compile_cuda_graph"),
    ("replicate", "int", "", "number of the separate trial of one configuration, from 0"),
    ("status", "str", "", "ok, failed, oom or pruned"),
    ("error", "str", "", "why the trial has no measurement"),
    ("accuracy", "float", "fraction", "of one complete pass of exactly this configuration"),
    ("f1", "float", "fraction", "where the task has it"),
    ("exact_match", "float", "fraction", "where the task has it"),
    ("correct_bits", "str", "base64", "per-example correctness, numpy.packbits in the order of the split"),
    ("examples", "int", "examples", "evaluated for accuracy"),
    ("examples_per_pass", "int", "examples", "in one pass of the energy windows (a fixed subset where shorter)"),
    ("energy_j_per_example", "float", "J/example", "gross energy of the windows over their examples"),
    ("energy_j_per_example_ci95", "float", "J/example", "half-width of the Student-t interval over windows"),
    ("energy_j_per_correct", "float", "J/correct", "energy per example over accuracy"),
    ("net_energy_j_per_example", "float", "J/example", "idle power subtracted"),
    ("energy_source", "str", "", "nvml_counter, nvml_power, rapl or estimate"),
    ("counter_power_residual", "float", "ratio", "(counter - integrated power) / counter over all windows"),
    ("edge_error_j_per_example", "float", "J/example", "bound of the error at the window edges"),
    ("latency_ms_per_example", "float", "ms/example", "wall time of the same windows over their examples"),
    ("energy_bound_j_per_example", "float", "J/example", "pruned trials: it needs at least this much"),
    ("latency_bound_ms_per_example", "float", "ms/example", "pruned trials: it takes at least this long"),
    ("mean_power_w", "float", "W", "energy over time of the windows"),
    ("idle_power_w", "float", "W", "before the sweep, with the device context up"),
    ("peak_gpu_memory_mib", "float", "MiB", "peak allocated by this configuration alone"),
    ("temperature_start_c", "float", "C", "at the start of the first window"),
    ("temperature_end_c", "float", "C", "at the end of the last window"),
    ("sm_clock_mhz", "float", "MHz", "median streaming-multiprocessor clock over the windows"),
    ("windows", "int", "", "energy windows"),
    ("window_s", "float", "s", "the shortest window"),
    ("total_s", "float", "s", "all windows together"),
    ("warmup_s", "float", "s", "load before the first window"),
    ("setup_s", "float", "s", "the trial outside warm-up and windows: build, stage, score"),
    ("backend_setup_s", "float", "s", "compile and capture time, a part of setup_s"),
    ("trial_s", "float", "s", "the whole trial"),
    ("started_at", "float", "s", "UNIX time at which the trial began"),
    ("tokens_per_example", "float", "tokens", "processed, padding included"),
    ("real_tokens_per_example", "float", "tokens", "processed, padding excluded"),
    ("inputs_per_example", "float", "", "model inputs per example (SQuAD: windows per question)"),
    ("matmul_reference_j_per_example", "float", "J/example", "large-matmul pJ/FLOP x FLOP of the real tokens"),
    ("gpu_name", "str", "", "device the trial ran on"),
    ("gpu_uuid", "str", "", "NVML UUID of the card"),
    ("worker", "str", "", "host and process id"),
    ("ray_device", "str", "", "Ray's node and the number of the GPU that it assigned there, or cpu"),
    ("flags", "str", "", "validity flags joined by ';', empty when clean"),
    ("null_reasons", "str", "", "'column: reason' joined by ';' for each null"),
)

COLUMN_NAMES: tuple[str, ...] = tuple(c.name for c in COLUMNS)

# Beside the columns a trial's result carries these two; `analysis` turns them into tables of their own.
WINDOW_TABLE = "window_table"  # list of [start_s, duration_s, passes, energy_j, power_energy_j, edge_error_j]
WINDOW_COLUMNS = ("start_s", "duration_s", "passes", "energy_j", "power_energy_j", "edge_error_j")
TRACE = "trace"  # base64 of a Parquet file with the raw sensor samples


@dataclass(frozen=True)
class Flag:
    name: str
    rule: str
    invalid: bool  # the energy number must not enter fits and Pareto sets


FLAGS: dict[str, Flag] = {
    f.name: f
    for f in (
        Flag("estimated", "no sensor: energy is assumed watts x busy time", False),
        Flag("short_window", "a window was shorter than 1 s or held fewer than 10 sensor updates", True),
        Flag("few_windows", "fewer than 5 windows, or less than 5 s of windows in all", False),
        Flag("interval_not_reached", "--max-measure-s was spent before the interval met --target-ci", False),
        Flag("counter_reset", "the energy counter went backwards", True),
        Flag("counter_power_mismatch", "counter and integrated power differ by more than the window allows", False),
        Flag("foreign_process", "another process computed on the card", True),
        Flag("foreign_process_unknown", "the driver does not say who computes on the card", False),
        Flag("power_capped", "the power limit lowered the clocks in the windows", False),
        Flag("thermal_throttled", "heat lowered the clocks in the windows", False),
        Flag("hw_slowdown", "the hardware's slowdown (power brake, heat) was active in the windows", True),
        Flag(
            "resumed_anyway",
            "measured after --resume-anyway: settings, inputs or device are not those of the run's start",
            False,
        ),
        Flag("temperature_drift", "the card warmed or cooled by more than 5 C within the windows", False),
    )
}


def empty_row(**values: Any) -> dict[str, Any]:
    """A row with every column, null unless given; unknown names are a programming error."""
    unknown = set(values) - set(COLUMN_NAMES)
    if unknown:
        raise KeyError(f"not columns of a row: {sorted(unknown)}")
    return {name: values.get(name) for name in COLUMN_NAMES}


def join_flags(flags: set[str]) -> str:
    """Flag names in the order of FLAGS, joined by ';'."""
    return ";".join(name for name in FLAGS if name in flags)


# ---- the file of a row ----

ROW_FILE = "row.json"  # in the trial's folder; Ray's own result.json lags, and is cut short while Ray copies it


def seal(row: Mapping[str, Any]) -> str:
    """The text of a row file: the row, and a digest by which a damaged file is told from a good one."""
    text = json.dumps(row, default=_plain)
    return json.dumps({"sha256": _digest(json.loads(text)), "row": json.loads(text)})


def unseal(text: str) -> dict[str, Any]:
    """The row of a row file. Raises ValueError where the file is cut short or changed."""
    try:
        file = json.loads(text)
        row, digest = file["row"], file["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("the row file is cut short or no row file") from error
    if not isinstance(row, dict) or digest != _digest(row):
        raise ValueError("the row file was changed after it was written: its digest does not match")
    return row


def _digest(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """numpy's scalars and arrays as Python's; anything else as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
