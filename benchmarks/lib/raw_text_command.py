"""What a benchmark from raw text is asked."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class RawTextArguments:
    model: str = "google-bert/bert-base-uncased"
    """Hub id or folder; a folder without weights gets random ones of its shape."""
    data_dir: Path | None = None
    """Folder with SST-2's dev.tsv; none: the hub."""
    copies: int = 20
    """Shuffled copies of the validation sentences, which are one job."""
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
