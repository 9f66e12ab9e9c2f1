"""Does the saving reach the user? J/example from raw text to labels, against the staged row and plain Transformers.

    python -m benchmarks.checks.end_to_end --model DIR --data-dir DIR

One command, one card, one text: SST-2's validation sentences, 20 shuffled copies. The configuration is exported and
answered by `serving.predictor`; the same configuration is measured as a trial measures it, on staged tensors; and
Transformers runs the published way (fp32, padded to 128, batch 64) and a loop in fp16 over sorted texts.
Bars: at most 1.10 of the staged energy, at least 45 times below the published way, at least 2.5 times below the sorted
loop, and below every peer of `benchmarks.experiments.peers`. They are BERT-base's on an H100; give others for others.
"""

from dataclasses import dataclass

from benchmarks.lib.command import Command
from benchmarks.lib.raw_text_command import RawTextArguments


@dataclass(frozen=True, kw_only=True)
class Arguments(RawTextArguments):
    staged_bar: float = 1.10
    """Raw over staged energy, at most."""
    published_bar: float = 45.0
    """Energy of the published way over the product's, at least."""
    sorted_bar: float = 2.5
    """Energy of the sorted fp16 loop over the product's, at least."""
    peer_bar: float = 1.0
    """Energy of the cheapest peer over the product's, at least."""


END_TO_END = Command("benchmarks.checks.end_to_end", __doc__, Arguments)
