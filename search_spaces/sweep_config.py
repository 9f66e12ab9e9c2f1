"""A whole sweep as data: which models and task, which axes, how it is fine-tuned and measured."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal

from search_spaces.axes import AXES, MAX_SEQ_LEN, MIN_SEQ_LEN
from search_spaces.errors import check
from search_spaces.models import NamedModel, named_models
from search_spaces.trial_config import TrialConfig, check_paddings

FULL_DEPTH: Literal["full"] = "full"  # as a depth: all layers of the model, whichever it is


@dataclass(frozen=True)
class Axes:
    """The values of each axis but the models'; the grid is their product, the last varying fastest."""

    trial_type: ClassVar[type[TrialConfig]] = TrialConfig  # what one point is

    max_seq_len: tuple[int, ...] = (16, 24, 32, 40, 48, 64, 96, 128)
    """Tokens an input is truncated to (and padded to, with padding max_length)."""
    depth: tuple[int | Literal["full"], ...] | None = None
    """Encoder layers kept, from the embeddings up; full: all. Default: six even steps that end at the full depth. Of
    several models each has its own; a depth beyond one of them is left out for it."""
    precision: tuple[str, ...] = ("fp32", "fp16")
    """fp32 (TF32 off), tf32, bf16 or fp16 throughout; int8 or fp8 in the encoder's linear layers, bf16 around them."""
    batch_size: tuple[int, ...] = (AXES["batch_size"].usual,)
    """Model inputs per batch."""
    padding: tuple[str, ...] = (AXES["padding"].usual,)
    """max_length, longest (inputs sorted by length) or packed (no padding)."""
    backend: tuple[str, ...] = (AXES["backend"].usual,)
    """eager, cuda_graph, compile, compile_cuda_graph, onnxruntime, openvino, fused or fused_tanh (these
    two with packed inputs alone)."""

    def __post_init__(self) -> None:
        for name, values in asdict(self).items():
            if values is None:
                continue
            check(len(values) > 0, f"the axis {name} must have at least one value", values, "name some")
            check(len(set(values)) == len(values), f"the values of {name} must differ", values, "drop the repeats")
            for value in values:
                if value != FULL_DEPTH:
                    AXES[name].check(value)
        for backend in self.backend:
            check_paddings(backend, self.padding)


@dataclass(frozen=True)
class Finetuning:
    """How a model is fine-tuned, once per seed; all models alike. The defaults are the published experiment's."""

    epochs: int = 2
    """Passes over the training examples."""
    learning_rate: float = 3e-5
    """Peak of the linear warm-up and decay (AdamW)."""
    train_batch_size: int = 32
    """Examples per optimiser step."""
    weight_decay: float = 0.01
    """Decoupled, on matrices only."""
    warmup_ratio: float = 0.06
    """Part of the steps in which the learning rate rises."""
    train_max_seq_len: int = 128
    """Tokens a training input is truncated to."""
    train_examples: int | None = None
    """Use only the first so many training examples. Default: all."""

    def __post_init__(self) -> None:
        for name in ("epochs", "train_batch_size"):
            check(getattr(self, name) >= 1, f"{name} must be at least 1", getattr(self, name), "2 and 32 are usual")
        check(0 < self.learning_rate < 1, "learning_rate must be in (0, 1)", self.learning_rate, "3e-5 is usual")
        check(self.weight_decay >= 0, "weight_decay must not be negative", self.weight_decay, "0.01 is usual")
        check(0 <= self.warmup_ratio < 1, "warmup_ratio must be in [0, 1)", self.warmup_ratio, "0.06 is usual")
        check(
            MIN_SEQ_LEN <= self.train_max_seq_len <= MAX_SEQ_LEN,
            f"train_max_seq_len must be between {MIN_SEQ_LEN} and {MAX_SEQ_LEN} tokens",
            self.train_max_seq_len,
            "128 is usual",
        )
        _check_count("train_examples", self.train_examples)


@dataclass(frozen=True)
class MeasuringOptions:
    """How long and how often a configuration is measured, as it is asked for: what is left open follows from whether a
    sensor measures (`settled`)."""

    eval_examples: int | None = None
    """Use only the first so many evaluation examples. Default: the whole split."""
    energy_examples: int | None = None
    """Examples in a pass of the energy windows: a fixed, length-stratified subset. Default: all evaluated."""
    warmup_s: float | None = None
    """Seconds of load before the first window, at least. Default: 2."""
    min_window_s: float | None = None
    """Seconds a window lasts at least; it holds whole passes. Default: 1."""
    min_windows: int | None = None
    """Windows per trial, at least. Default: 5."""
    min_total_s: float | None = None
    """Seconds of all windows together, at least. Default: 5."""
    target_ci: float = 0.01
    """Windows go on until the 95 % interval of J/example within the trial is this fraction of it."""
    max_measure_s: float | None = None
    """Seconds of windows after which a trial stops without meeting --target-ci (flagged). Default: 15."""
    short_estimates: bool = False
    """Where energy is estimated, so that no sensor needs time, the five defaults above are 0.2, 0.1, 5, 0.6 and 1.2."""
    assumed_watts: float | None = None
    """Power assumed where no sensor is readable. Default: a stated figure per CPU core."""
    cpu_threads: int | None = None
    """CPU cores per trial. Default: all on a CPU host, up to 4 per GPU."""

    def __post_init__(self) -> None:
        _check_count("eval_examples", self.eval_examples)
        _check_count("energy_examples", self.energy_examples)
        _check_count("min_windows", self.min_windows)
        _check_count("cpu_threads", self.cpu_threads)
        for name in ("warmup_s", "min_window_s", "min_total_s"):
            value = getattr(self, name)
            inside = value is None or 0 <= value <= 600
            check(inside, f"{name} must be between 0 and 600 s", value, "see --help for the defaults")
        positive = self.min_window_s is None or self.min_window_s > 0
        check(positive, "min_window_s must be above 0 s", self.min_window_s, "1 s is ten sensor ticks")
        check(0 < self.target_ci < 1, "target_ci must be in (0, 1)", self.target_ci, "0.01 is 1 %")
        if self.max_measure_s is not None and self.min_total_s is not None:
            check(
                self.max_measure_s >= self.min_total_s,
                "max_measure_s must be at least min_total_s",
                self.max_measure_s,
                f"give at least {self.min_total_s}",
            )
        if self.assumed_watts is not None:
            check(self.assumed_watts > 0, "assumed_watts must be above 0 W", self.assumed_watts, "15 is a laptop's")

    def settled(self, measured: bool) -> "Measuring":
        """The same with nothing left open. `measured`: by a sensor, and not estimated.

        What is given always holds. A default gives way to it: all windows take no longer than a `max_measure_s`
        that is given, and no less than a `min_total_s`.
        """
        usual = _SHORT_ESTIMATES if self.short_estimates and not measured else {}
        given = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
        times = {name: getattr(Measuring, name) for name in _SHORT_ESTIMATES} | usual
        if self.max_measure_s is not None:
            times["min_total_s"] = min(times["min_total_s"], self.max_measure_s)
        if self.min_total_s is not None:
            times["max_measure_s"] = max(times["max_measure_s"], self.min_total_s)
        return Measuring(**(times | given))


@dataclass(frozen=True)
class Measuring(MeasuringOptions):
    """How long and how often a configuration is measured. The defaults are what a sensor needs: what is shorter is
    flagged (`trainables.rows.flags`)."""

    warmup_s: float = 2.0
    min_window_s: float = 1.0
    min_windows: int = 5
    min_total_s: float = 5.0
    max_measure_s: float = 15.0


# Tenths of a second per window: nothing is sensed.
_SHORT_ESTIMATES = {"warmup_s": 0.2, "min_window_s": 0.1, "min_windows": 5, "min_total_s": 0.6, "max_measure_s": 1.2}
LEFT_OPEN = tuple(_SHORT_ESTIMATES)  # what `settled` fills in


@dataclass(frozen=True)
class SweepConfig:
    """Everything that determines what a sweep measures. Two sweeps of one config are the same experiment."""

    task: str = "sst2"
    """demo, sst2, qqp, squad or tsv (your own classification data)."""
    model: tuple[str, ...] = ("google-bert/bert-base-uncased",)
    """Hub ids or local folders of the pretrained encoders, or name=folder; the baseline is the first one's."""
    baseline_model: str | None = None
    """The model whose baseline all others are compared with: it then is the first. Default: the first that is given."""
    data_dir: str | None = None
    """Folder with local data files. Default: the hub."""
    checkpoint: tuple[str, ...] | None = None
    """Already fine-tuned models instead (folders or hub ids, or name=folder): skips the fine-tuning."""
    random_weights: bool = False
    """Build the architecture of --model untrained: energy and latency only, accuracy is null."""
    confirm_data: str | None = None
    """File of labelled examples, in the form of the task's evaluation file, that nothing else has seen: at the end
    baseline and choice are compared on them, too. May be given with --resume."""
    seeds: tuple[int, ...] = (42,)
    """Seeds: each model is fine-tuned and measured once for each."""
    replicates: int = 1
    """Separate trials of each configuration; the headline interval comes from them (3 for published numbers)."""
    frontier_replicates: int = 1
    """After the grid, the energy frontier and the baseline are measured again, up to so many trials each."""
    order_seed: int = 0
    """Seed of the order of trials: shuffled, so that drift does not line up with an axis."""
    axes: Axes = field(default_factory=Axes)
    finetuning: Finetuning = field(default_factory=Finetuning)
    measuring: MeasuringOptions = field(default_factory=MeasuringOptions)

    def __post_init__(self) -> None:
        if isinstance(self.measuring, Measuring):  # as options, so that it equals itself when it is read again
            object.__setattr__(self, "measuring", MeasuringOptions(**asdict(self.measuring)))
        for name in ("model", "checkpoint"):
            given = getattr(self, name)
            if isinstance(given, str):  # one, as sweep.json and programs may have it
                object.__setattr__(self, name, (given,))
            elif given is not None:
                if not (isinstance(given, tuple) and all(isinstance(text, str) for text in given)):
                    raise TypeError(f"{name} must be text")
                check(len(given) > 0, f"--{name} must name at least one model", given, "name one")
        _ = self.models  # raises where two have one name, or none has the baseline's
        _check_count("replicates", self.replicates)
        _check_count("frontier_replicates", self.frontier_replicates)
        check(len(self.seeds) > 0, "seeds must have at least one value", self.seeds, "42 is the paper's")
        check(len(set(self.seeds)) == len(self.seeds), "seeds must differ", self.seeds, "drop the repeats")
        check(
            self.checkpoint is None or len(self.seeds) == 1,
            "a --checkpoint has one seed",
            self.seeds,
            "give one seed, or leave the checkpoint out to fine-tune once per seed",
        )
        check(
            not (self.checkpoint and self.random_weights),
            "choose --checkpoint or --random-weights",
            "both",
            "drop one of them",
        )

        check(
            not (self.confirm_data and self.random_weights),
            "--confirm-data compares answers, and random weights have none",
            "--random-weights",
            "drop one of them",
        )

    @property
    def models(self) -> tuple[NamedModel, ...]:
        """The models that are measured, the baseline's first; their sources hold the weights that are read."""
        found = named_models(self.checkpoint or self.model)
        if self.baseline_model is None:
            return found
        first = tuple(model for model in found if self.baseline_model in (model.name, model.slug))
        check(
            len(first) == 1,
            f"--baseline-model must name a model of the sweep ({', '.join(model.name for model in found)})",
            self.baseline_model,
            "give one of them",
        )
        return (*first, *(model for model in found if model not in first))

    def model_of(self, name: str) -> NamedModel:
        """The model that rows and trials call so. UsageError where the sweep has several, and none of that name."""
        models = self.models
        found = [model for model in models if model.name == name] or list(models)
        check(
            len(found) == 1,
            f"a model must be one of the sweep's ({', '.join(model.name for model in models)})",
            name,
            "give one of them",
        )
        return found[0]

    @property
    def tuned(self) -> bool:
        """Its models are fine-tuned, and not given fine-tuned or left untrained."""
        return not (self.checkpoint or self.random_weights)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; a single model is a text, as in every version."""
        found = asdict(self)
        for name in ("model", "checkpoint"):
            if found[name] is not None and len(found[name]) == 1:
                found[name] = found[name][0]
        return found

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SweepConfig":
        """The inverse of `to_dict`, also after a round trip through JSON (lists become tuples)."""

        def tuples(part: dict[str, Any]) -> dict[str, Any]:
            return {k: tuple(v) if isinstance(v, list) else v for k, v in part.items()}

        parts = {"axes": Axes, "finetuning": Finetuning, "measuring": MeasuringOptions}
        nested = {name: kind(**tuples(values[name])) for name, kind in parts.items()}
        return cls(**(tuples({k: v for k, v in values.items() if k not in parts}) | nested))


def _check_count(name: str, value: int | None) -> None:
    check(value is None or value >= 1, f"{name} must be at least 1", value, "give a whole number from 1")
