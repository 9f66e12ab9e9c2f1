"""What a benchmark from raw text is asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class RawTextArguments:
    task: Literal["sst2", "qqp", "squad"] = "sst2"
    """Whose validation examples are answered; a joule per example is one per pair (qqp) or question (squad)."""
    model: str = "google-bert/bert-base-uncased"
    """Hub id or folder; a folder without weights gets random ones of its shape. The head is new."""
    checkpoint: Path | None = None
    """Folder of a fine-tuned model of the task, head included, in place of --model."""
    data_dir: Path | None = None
    """Folder with the task's validation file, as a sweep takes it; none: the hub."""
    copies: int | None = None
    """Shuffled copies of the validation examples, which are one job. None: 20 of sst2, 2 of qqp, 1 of squad."""
    seconds: float = 5.0
    """Of whole jobs, at least, for each way."""
    precision: str = "fp16"
    """Of the product's configuration."""
    batch: int = 436
    """Its batch size."""
    padding: str = "packed"
    """Its padding."""
    backend: str = "compile_cuda_graph"
    """Its backend; on a CPU what computes the same there."""
    cpus: int | None = None
    """CPU threads of PyTorch. None: all cores."""
    output: Path | None = None
    """Folder for the raw numbers, NAME.json."""
    smoke: bool = False
    """A tiny model on the CPU and a meter of constant power: exercises the code, measures nothing."""
