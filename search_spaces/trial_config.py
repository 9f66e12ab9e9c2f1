"""One point of the sweep: `TrialConfig`, frozen and validated, never repaired."""

from dataclasses import asdict, dataclass, fields
from pathlib import PurePath
from typing import Any, Literal, get_args

from search_spaces.errors import check

Precision = Literal["fp32", "tf32", "bf16", "fp16", "int8", "fp8"]  # the most exact first, about
Padding = Literal["max_length", "longest", "packed"]
Backend = Literal["eager", "cuda_graph", "compile", "compile_cuda_graph"]

PRECISIONS: tuple[str, ...] = get_args(Precision)
PADDINGS: tuple[str, ...] = get_args(Padding)
BACKENDS: tuple[str, ...] = get_args(Backend)
COMPILING = ("compile", "compile_cuda_graph")

MIN_SEQ_LEN, MAX_SEQ_LEN = 8, 512


def model_slug(model: str) -> str:
    """The last part of a hub id or path, safe in a file name: "google-bert/bert-base" -> "bert-base"."""
    name = PurePath(model.rstrip("/")).name or model
    return "".join(c if c.isalnum() or c in "-._" else "_" for c in name)


@dataclass(frozen=True)
class TrialConfig:
    """One configuration of one fine-tuned model, measured once.

    The first three fields say which weights; `max_seq_len` to `backend` are the configuration; `replicate`
    numbers the separate trials of the same configuration.
    """

    task: str
    model: str
    seed: int
    max_seq_len: int  # tokens, special tokens included
    depth: int  # encoder layers kept, counted from the embeddings
    precision: str
    batch_size: int = 64
    padding: str = "max_length"
    backend: str = "eager"
    replicate: int = 0

    def __post_init__(self) -> None:
        check(
            MIN_SEQ_LEN <= self.max_seq_len <= MAX_SEQ_LEN,
            f"max_seq_len must be between {MIN_SEQ_LEN} and {MAX_SEQ_LEN} tokens",
            self.max_seq_len,
            "give lengths like 16 32 64 128",
        )
        check(self.depth >= 1, "depth must be at least 1 encoder layer", self.depth, "give depths like 2 4 6")
        check(
            self.batch_size >= 1,
            "batch_size must be at least 1 example",
            self.batch_size,
            "64 is the paper's",
        )
        check(self.replicate >= 0, "replicate must not be negative", self.replicate, "count from 0")
        _check_choice("precision", self.precision, PRECISIONS)
        _check_choice("padding", self.padding, PADDINGS)
        _check_choice("backend", self.backend, BACKENDS)

    @property
    def configuration_id(self) -> str:
        """Readable and unique for everything but the replicate."""
        return (
            f"{self.task}-{model_slug(self.model)}-s{self.seed}-len{self.max_seq_len}-depth{self.depth}"
            f"-{self.precision}-b{self.batch_size}-{self.padding}-{self.backend}"
        )

    @property
    def trial_id(self) -> str:
        """The trial's name everywhere: in Ray, in the folder and in the tables."""
        return f"{self.configuration_id}-r{self.replicate}"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrialConfig":
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    check(value in choices, f"{name} must be one of {', '.join(choices)}", value, "see --help")
