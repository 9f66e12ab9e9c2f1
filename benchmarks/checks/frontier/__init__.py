"""How little energy does the whole model need, cutting no token of any sentence and no layer?

    python -m benchmarks.checks.frontier --model BERT_BASE_SHAPE --data-dir SST2 --output RUN     # measure
    python -m benchmarks.checks.frontier --model MINILM --checkpoint DIR --data-dir SST2 --verify RUN    # outputs
    python -m benchmarks.checks.frontier --model BERT_BASE_SHAPE --data-dir SST2 --profile RUN    # where the time goes
    python -m benchmarks.checks.frontier --read RUN    # the bars again, without a card

The paper's baseline (fp32, 128 tokens, batch 64, eager, padded to the limit) against the configurations of points.py,
in one sweep with random weights of the model's shape; then the ends (the baseline, tf32 and fp16 as the paper runs
them, and the two cheapest) get two more trials each. It can be interrupted and started again.

Bars, of the cheapest configuration whose logits are within LOGIT_ERROR of the baseline's and which, with fine-tuned
weights, flips at most 2 of SST-2's 872 predictions: it needs at most 1/40 of the baseline's energy per example.
"""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """One run folder, and what to do with it; `--output` and `--verify` may name the same."""

    model: str | None = None
    """Folder or hub id: its shape, with random weights."""
    data_dir: Path | None = None
    """Folder with SST-2's dev.tsv; none: the hub."""
    output: Path | None = None
    """Run folder: measure."""
    verify: Path | None = None
    """A run folder whose cheapest configurations are compared in logits."""
    profile: Path | None = None
    """A run folder whose cheapest configurations are profiled."""
    read: Path | None = None
    """A run folder whose bars are printed again: needs no card."""
    checkpoint: str | None = None
    """Fine-tuned weights for --verify."""
    verify_points: int = 3
    """How many are verified or profiled."""
    max_measure_s: float = 10.0
    """As tuner.grid's."""


FRONTIER = Command("benchmarks.checks.frontier", __doc__, Arguments)
