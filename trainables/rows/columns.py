"""The columns of a measuring trial's row: type, unit, meaning, and why a cell may be empty. No heavy imports.

The columns of axes and scores are those of `search_spaces.axes` and `search_spaces.objectives`; all others are entered
here. A cell that cannot be filled is null, and `null_reasons` says why ("accuracy: random weights; ...").
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.axes import AXES, Axis
from search_spaces.goal import ENERGY_BOUND, LATENCY_BOUND
from search_spaces.objectives import OBJECTIVES, Objective
from search_spaces.registry import Registry
from trainables.energy.sources import SOURCES, WATTS_PER_CORE


@dataclass(frozen=True)
class NullContext:
    """What decides why a cell of a trial's row is empty."""

    task: str
    trained: bool  # False: random weights
    source: str  # of the energies
    pruned: bool


NullReason = str | Callable[[NullContext], str]
ABSOLUTE_ZERO_C = -273.15
ALWAYS_THERE = "unknown"  # the reason of a null that should not be


@dataclass(frozen=True)
class Column:
    """`null` says why a cell is empty, in words or by a rule; "" where that needs no reason. What is known only
    `in_full` is empty in a pruned row: one window of a half-warmed device must not be taken for it."""

    name: str
    kind: str  # "str", "int", "float"
    unit: str
    meaning: str
    null: NullReason = ALWAYS_THERE
    in_full: bool = False
    least: float | None = 0  # of a number; None: no least
    positive: bool = False  # a number above 0
    rare: bool = False  # results.csv leaves it out where no row has it

    def possible(self, value: float) -> bool:
        """May a number be as small, or as large, as this?"""
        if self.unit == "fraction" and value > 1:
            return False
        return value > 0 if self.positive else self.least is None or value >= self.least

    def null_reason(self, context: NullContext) -> str:
        """Why the cell is empty in the row of a trial of this kind."""
        if self.in_full and context.pruned:
            return "pruned: see error"
        return self.null if isinstance(self.null, str) else self.null(context)


# ---- columns that are known elsewhere ----


def axis_column(axis: Axis) -> Column:
    """The column of an axis: never empty."""
    return Column(axis.name, axis.kind, axis.unit, axis.meaning, least=1)


def score_column(score: Objective) -> Column:
    """The column of a score."""
    return Column(score.name, "float", score.unit, score.meaning, _no_score)


def _no_score(context: NullContext) -> str:
    return f"not a metric of {context.task}" if context.trained else "random weights"


def _cost(name: str, null: NullReason, in_full: bool = True, positive: bool = True) -> Column:
    """The column of an objective that is no score."""
    known = OBJECTIVES[name]
    return Column(name, "float", known.unit, known.meaning, null, in_full, positive=positive)


# ---- why a cell is empty, where it depends ----


def _per_correct(context: NullContext) -> str:
    return "no correct prediction" if context.trained else "random weights"


def _residual(context: NullContext) -> str:
    return "see error" if SOURCES[context.source].checked_by_power else "one source only"


def _idle_power(context: NullContext) -> str:
    return "no idle reading" if SOURCES[context.source].measured else "no sensor"


# ---- the columns, by what they hold ----


def _text(name: str, meaning: str, null: NullReason = ALWAYS_THERE, unit: str = "") -> Column:
    return Column(name, "str", unit, meaning, null)


def _count(name: str, unit: str, meaning: str, least: float | None = 1, null: NullReason = ALWAYS_THERE) -> Column:
    return Column(name, "int", unit, meaning, null, least=least)


def _number(name: str, unit: str, meaning: str, null: NullReason = ALWAYS_THERE, least: float | None = 0) -> Column:
    return Column(name, "float", unit, meaning, null, least=least)


def _positive(name: str, unit: str, meaning: str, null: NullReason = ALWAYS_THERE) -> Column:
    return Column(name, "float", unit, meaning, null, positive=True)


def _in_full(name: str, unit: str, meaning: str, null: NullReason, least: float | None = 0) -> Column:
    return Column(name, "float", unit, meaning, null, in_full=True, least=least)


COLUMNS: Registry[Column] = Registry(
    "a column",
    (
        _text("trial_id", "unique name: the configuration and its replicate"),
        _text("task", "what is predicted (docs/tasks.md)"),
        axis_column(AXES["model"]),
        _count("seed", "", "seed of the fine-tuning (and of random weights)", least=None),
        *(axis_column(axis) for name, axis in AXES.items() if name != "model"),
        Column(
            "model_place",
            "int",
            "",
            "of a sweep over several models: the model's place in their order, from 0; the baseline is the first's",
            null="",
            rare=True,
        ),
        Column(
            "layers",
            "int",
            "layers",
            "of a sweep over several models: the encoder's in all, of which `depth` were kept",
            null="",
            rare=True,
            positive=True,
        ),
        Column(
            "gflop_per_example",
            "float",
            "GFLOP/example",
            "of a sweep over several models: of the encoder's matrix products over the tokens processed",
            null="",
            rare=True,
            positive=True,
        ),
        _text("weights_digest", "of the fine-tuned model in full: first digits of a SHA-256", "not measured"),
        _text("recipe_digest", "of what made it: pretrained model, fine-tuning, training examples", "not measured"),
        _text("data_digest", "of the evaluation examples", "not measured"),
        _count("replicate", "", "number of the separate trial of one configuration, from 0", least=0),
        _text("purpose", "sweep, or confirm: a fresh trial of what was chosen; no table, fit or frontier takes it"),
        _text("status", "ok, failed, oom or pruned"),
        _text("error", "why the trial has no measurement", ""),
        *(score_column(score) for score in OBJECTIVES.values() if score.score),
        _text(
            "correct_bits",
            "per-example correctness, numpy.packbits in the order of the split",
            "random weights",
            "base64",
        ),
        _count("examples", "examples", "evaluated for accuracy"),
        _text("fresh_correct_bits", "the same of --confirm-data's examples, in the order of the file", "", "base64"),
        _count("fresh_examples", "examples", "of --confirm-data that a fresh trial answered", null=""),
        _text("fresh_data_digest", "of these examples", ""),
        _count("examples_per_pass", "examples", "in one pass of the energy windows (a fixed subset where shorter)"),
        _cost("energy_j_per_example", "see error"),
        _in_full(
            "energy_j_per_example_ci95", "J/example", "half-width of the Student-t interval over windows", "see error"
        ),
        _cost("energy_j_per_correct", _per_correct),
        replace(_cost("net_energy_j_per_example", "no idle reading", positive=False), least=None),
        Column(
            "idle_share",
            "float",
            "fraction",
            "of the energy that the idle card would have used in the time",
            _idle_power,
            in_full=True,
        ),
        _number(
            "host_cpu_s_per_example",
            "s/example",
            "CPU time of the measuring process in the windows: launching, and waiting where it spins",
        ),
        _number(
            "tokenising_cpu_s_per_example",
            "s/example",
            "CPU time of tokenising the evaluation examples, before the sweep; in no energy",
            "not tokenised by a sweep",
        ),
        _number(
            "host_energy_j_per_example_estimate",
            "J/example",
            f"never measured, in no other column: both CPU times x {WATTS_PER_CORE:g} W per core",
            "the processor is what is metered",
        ),
        _text("energy_source", f"what was read: {', '.join(SOURCES)}"),
        _in_full(
            "counter_power_residual",
            "ratio",
            "(counter - integrated power) / counter over all windows",
            _residual,
            None,
        ),
        _in_full("edge_error_j_per_example", "J/example", "bound of the error at the window edges", "see error"),
        _cost("latency_ms_per_example", ALWAYS_THERE),
        _number(ENERGY_BOUND, "J/example", "pruned trials: it needs at least this much", "measured in full"),
        _number(LATENCY_BOUND, "ms/example", "pruned trials: it takes at least this long", "measured in full"),
        Column(
            "mean_power_w", "float", "W", "energy over time of the windows", "see error", in_full=True, positive=True
        ),
        _number("idle_power_w", "W", "before the sweep, with the device context up", _idle_power),
        _cost("peak_gpu_memory_mib", "no GPU", in_full=False, positive=False),
        _number("temperature_start_c", "C", "at the start of the first window", "no sensor", ABSOLUTE_ZERO_C),
        _number("temperature_end_c", "C", "at the end of the last window", "no sensor", ABSOLUTE_ZERO_C),
        _number("sm_clock_mhz", "MHz", "median streaming-multiprocessor clock over the windows", "no sensor"),
        _count("windows", "", "energy windows"),
        _positive("window_s", "s", "the shortest window"),
        _positive("total_s", "s", "all windows together"),
        _number("warmup_s", "s", "load before the first window"),
        _number("setup_s", "s", "the trial outside warm-up and windows: build, stage, score"),
        _number("backend_setup_s", "s", "compile and capture time, a part of setup_s"),
        _number("trial_s", "s", "the whole trial"),
        _number("started_at", "s", "UNIX time at which the trial began"),
        _positive("tokens_per_example", "tokens", "processed, padding included"),
        _positive("real_tokens_per_example", "tokens", "processed, padding excluded"),
        _positive("inputs_per_example", "", "model inputs per example (SQuAD: windows per question)"),
        _number(
            "matmul_reference_j_per_example", "J/example", "large-matmul pJ/FLOP x FLOP of the real tokens", "no GPU"
        ),
        _text("gpu_name", "device the trial ran on"),
        _text("gpu_uuid", "NVML UUID of the card", "no GPU"),
        _text("worker", "host and process id"),
        _text("ray_device", "Ray's node and the number of the GPU that it assigned there, or cpu", ""),
        _text("flags", "validity flags joined by ';', empty when clean"),
        _text("null_reasons", "'column: reason' joined by ';' for each null", ""),
    ),
    remedy="enter it in trainables/rows/columns.py",
)
AXES.on_add(lambda axis: COLUMNS.add(axis_column(axis)))
OBJECTIVES.on_add(lambda objective: COLUMNS.add(score_column(objective)) if objective.score else None)

# Beside the columns a trial's result carries these; `analysis` turns them into tables of their own.
WINDOW_TABLE = "window_table"  # list of [start_s, duration_s, passes, energy_j, power_energy_j, edge_error_j]
WINDOW_COLUMNS = ("start_s", "duration_s", "passes", "energy_j", "power_energy_j", "edge_error_j")
TRACE = "trace"  # base64 of a Parquet file with the raw sensor samples
ANCHOR = "anchor"  # what the fixed load needed just before, where it was due: text, and the numbers below
ANCHOR_NUMBERS = ("started_at", "energy_j_per_example", "mean_power_w", "temperature_c")


def empty_row(**values: Any) -> dict[str, Any]:
    """A row with every column, null unless given. An unknown name is a UsageError that lists the columns."""
    for name in values:
        COLUMNS[name]
    return {name: values.get(name) for name in COLUMNS}


def null_reasons(row: Mapping[str, Any], context: NullContext) -> str:
    """Why each null of a row is null: "column: reason", joined by ';'."""
    nulls = [(name, column.null_reason(context)) for name, column in COLUMNS.items() if row[name] is None]
    return ";".join(f"{name}: {reason}" for name, reason in nulls if reason)
